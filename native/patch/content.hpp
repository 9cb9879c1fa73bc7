// The content of a new file: another file's, overlaid with ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "elf/source.hpp"

namespace fixelf {

// Fills `file`, which is open and empty, with `size` bytes: those of `original`, overlaid with
// `ranges` (disjoint, below `size`), and zeros beyond its end. Extents are shared where the file
// system can (FICLONE), and holes are kept.
//
// Bytes that have to be copied pass through a processor's cache once: they are read, changed,
// digested and written, and most are on their way to the disk when this returns. The answer is then
// the new content's digest, if one is wanted. There is none if extents are shared, or if holes make
// up more than a gigabyte. (copy_file_range would let some network file systems copy by themselves,
// but the digest needs the bytes here.)
//
// `path` is for messages.
Result<std::optional<uint64_t>> writeContent(int file, const FileSource& original,
                                             std::span<const ByteRange> ranges, uint64_t size,
                                             bool wantsDigest, const std::string& path);

}  // namespace fixelf
