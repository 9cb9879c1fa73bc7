// What is remembered of a file so that a change can be taken back byte for byte.
//
// A record holds the bytes that an edit replaced, not a copy of the file, and lies outside the file
// (a program that is signed with what it carries, or found from its own end, bears no addition). It
// is looked up by the file's absolute path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

struct Record {
  std::string path;
  uint64_t originalSize = 0;
  std::vector<ByteRange> original;  // sorted, disjoint, all below originalSize
  uint64_t fixedSize = 0;
  std::vector<ByteRange> fixed;  // what stands there instead
  // Of the whole changed file; none after an in-place change of a large file, which never reads it.
  std::optional<uint64_t> digest;
  uint64_t inode = 0;
  int64_t modifiedNanoseconds = 0;
  // Set from before an in-place change begins until it is over: the file may be half changed.
  bool pending = false;
};

// XXH3-64 of a whole open file.
Result<uint64_t> digestOf(int descriptor, uint64_t size, const std::string& path);

// Replaces an earlier record of the same path. Not flushed: the caller flushes once for many.
Status storeRecord(const std::string& directory, const Record& record);
// Fails with NoUndoRecord where there is none, or where it is damaged.
Result<Record> loadRecord(const std::string& directory, const std::string& path);
Status removeRecord(const std::string& directory, const std::string& path);

// Whether an open file still is what the record says, or (pending) a mixture of old and new.
Status checkUnchanged(const FileSource& file, const Record& record);

// What the file held at these ranges before, as far as it was that long.
Result<std::vector<ByteRange>> bytesBefore(const FileSource& file,
                                           const std::vector<ByteRange>& ranges);

// The record of a second change on top of a first one: it leads back to the first original.
Record onTopOf(const Record& first, Record second);

}  // namespace fixelf
