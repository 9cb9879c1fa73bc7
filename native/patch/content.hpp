// The content of a new file: another file's, with ranges over it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "elf/source.hpp"

namespace fixelf {

// Fills `file`, which is open and empty, with `size` bytes: those of `original`, with `ranges`
// (disjoint, below `size`) over them, and zeros behind its end. Extents are shared where
// the file system can (FICLONE), and holes are kept.
//
// Where bytes have to be copied they pass a processor's cache once: read, changed, digested and
// written, and most are on their way to the disk when this returns. The answer is then the new
// content's digest, if one is wanted. There is none where extents are shared, or where holes make
// up more than a gigabyte. (copy_file_range would let some network file systems copy by themselves,
// but the digest wants the bytes here.)
//
// `path` is for messages.
Result<std::optional<uint64_t>> writeContent(int file, const FileSource& original,
                                             std::span<const ByteRange> ranges, uint64_t size,
                                             bool wantsDigest, const std::string& path);

}  // namespace fixelf
