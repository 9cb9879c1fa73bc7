// What is remembered of a file so that a change can be taken back byte for byte.
//
// A record holds the bytes that edits replaced, not a copy of the file, and lies outside the file
// (a program that is signed with what it carries, or found from its own end, bears no addition). It
// is looked up by the file's absolute path, and by the content that the change left where the file
// was moved (patch/recorded_files).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// A change is recognised sector by sector. A disk writes 512 bytes whole, and a process that is
// killed leaves whole pages: so after a crash in the middle of an in-place change each sector is
// the old one or the new one. A hash of the new one is enough to tell, and far less than the bytes.
constexpr uint64_t kSectorSize = 512;

struct Sector {
  uint64_t index = 0;  // file offset / kSectorSize
  uint64_t hash = 0;   // XXH3-64 of its bytes, zeros behind the file's end included
};

// What is known once a change is over.
struct Settlement {
  int64_t changedNanoseconds = 0;  // st_ctim: nobody can set it at will
  // Of the whole changed file (patch/digest). Only where it costs little: whoever changes a few
  // bytes of a gigabyte in place, or shares its extents, must not read all of it.
  std::optional<uint64_t> digest;
};

struct Record {
  std::string path;
  uint64_t originalSize = 0;
  std::vector<ByteRange> original;  // sorted, disjoint, all below originalSize
  uint64_t fixedSize = 0;
  std::vector<Sector> fixed;  // all that changed, in order
  // The sector that the file ended in before, with its new bytes but not yet the new end: the disk
  // may have been told of the one and not of the other. Its index is `fixedSize` where there is
  // none.
  Sector cut;
  uint64_t inode = 0;  // of the changed file
  int64_t modifiedNanoseconds = 0;
  bool inPlace = false;
  std::optional<Settlement> settlement;
};

// Both may be there while a second change is made on top of a first one, or after a crash.
struct Remembered {
  // A change that has begun: the file may be as before it, as after it, or (in place) a mixture.
  std::optional<Record> pending;
  std::optional<Record> settled;

  // The one that says what the file is to be led back to.
  [[nodiscard]] const Record* latest() const {
    return pending ? &*pending : settled ? &*settled : nullptr;
  }
};

// Whether a file is what is remembered of it.
enum class FileState {
  Before,   // as before the pending change
  After,    // as the latest change left it
  Mixture,  // a pending change came half-way
  Foreign,  // somebody else has written since
};

// The record of a change that is about to be made. Where `earlier` is given, the file is as that
// one left it, and the new record leads back to the earlier one's original.
Result<Record> recordOf(const FileSource& file, std::span<const ByteRange> ranges, uint64_t newSize,
                        const Record* earlier);

// Compares an open file with what is remembered of it; there is something (`latest`).
Result<FileState> compare(const FileSource& file, const Remembered& remembered);

// Whether the file's size, and all bytes that were ever changed, are the original's.
Result<bool> holdsOriginal(const FileSource& file, const Record& record);

}  // namespace fixelf
