// Undoing a change: the file as it was, byte for byte, or a reason why not.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "elf/source.hpp"

namespace fixelf {

// Restores the originals and forgets their records; the answers are in the order of the paths. One
// flush serves them all. A file that was moved or copied since is recognised by its content. Fails
// with NoUndoRecord if nothing is recorded, and with Changed if the file is no longer what the
// change left. What a crash left half-way is mended. If `stop` is requested, files that nothing has
// been written to yet fail with Cancelled.
std::vector<Status> undoAll(const std::vector<std::string>& paths,
                            const std::string& recordDirectory, const std::stop_token& stop = {});

Status undo(const std::string& path, const std::string& recordDirectory);

// The same for a file just written, as `left` (WriteOptions): what has been made of it since is not
// undone, and the answer is Changed.
Status undo(const std::string& path, const std::string& recordDirectory,
            const FileSource::Identity& left);

}  // namespace fixelf
