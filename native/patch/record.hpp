// What is remembered about a file so that a change can be undone byte for byte.
//
// A record holds the bytes that edits replaced, not a copy of the file, and is kept outside it (a
// program that is signed together with its payload, or found from its own end, tolerates no
// addition). It is looked up by the file's absolute path, or by the content that the change left if
// the file was moved (patch/recorded_files).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// A change is recognised sector by sector. A disk writes 512 bytes whole, and a killed process
// leaves whole pages: so after a crash in the middle of an in-place change each sector is either
// old or new. A hash of the new one is enough to tell, and far smaller than the bytes.
constexpr uint64_t kSectorSize = 512;

struct Sector {
  uint64_t index = 0;  // file offset / kSectorSize
  uint64_t hash = 0;   // XXH3-64 of its bytes, including zeros past the file's end
};

// What is known once a change is over.
struct Settlement {
  int64_t changedNanoseconds = 0;  // st_ctim: cannot be set at will
  // Of the whole changed file (patch/digest). Only if it costs little: changing a few bytes of a
  // gigabyte in place, or sharing its extents, must not mean reading all of it.
  std::optional<uint64_t> digest;
};

struct Record {
  std::string path;
  uint64_t originalSize = 0;
  std::vector<ByteRange> original;  // sorted, disjoint, all below originalSize
  uint64_t fixedSize = 0;
  std::vector<Sector> fixed;  // all that changed, in order
  // The sector that the file ended in before, with its new bytes but not yet the new end: the disk
  // may have got the one and not the other. Its index is `fixedSize` if there is none.
  Sector cut;
  uint64_t inode = 0;  // of the changed file
  int64_t modifiedNanoseconds = 0;
  bool inPlace = false;
  std::optional<Settlement> settlement;
};

// Both may exist while a second change is made on top of a first one, or after a crash.
struct Remembered {
  // A change that has begun: the file may be as before, as after, or (in place) a mixture.
  std::optional<Record> pending;
  std::optional<Record> settled;

  // The one that determines what the file is restored to.
  [[nodiscard]] const Record* latest() const {
    return pending ? &*pending : settled ? &*settled : nullptr;
  }
};

// Whether a file matches what is remembered about it.
enum class FileState {
  Before,   // as before the pending change
  After,    // as the latest change left it
  Mixture,  // a pending change got only half-way
  Foreign,  // something else has written to it since
};

// The record of a change that is about to be made. If `earlier` is given, the file is as that one
// left it, and the new record leads back to the earlier one's original.
Result<Record> recordOf(const FileSource& file, std::span<const ByteRange> ranges, uint64_t newSize,
                        const Record* earlier);

// Compares an open file with what is remembered about it; there must be something (`latest`).
Result<FileState> compare(const FileSource& file, const Remembered& remembered);

// Whether the file's size, and all bytes that were ever changed, are the original's.
Result<bool> holdsOriginal(const FileSource& file, const Record& record);

}  // namespace fixelf
