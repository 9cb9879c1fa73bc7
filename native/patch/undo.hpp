// Taking a change back: the file as it was, byte for byte, or a reason why not.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

// Restores the originals and forgets their records; the answers are in the order of the paths. One
// flush serves them all. A file that was moved or copied since is known by its content. Fails with
// NoUndoRecord where nothing is recorded, and with Changed where the file is no longer what the
// change left. What a crash left half-way is mended.
std::vector<Status> undoAll(const std::vector<std::string>& paths,
                            const std::string& recordDirectory);

Status undo(const std::string& path, const std::string& recordDirectory);

}  // namespace fixelf
