// A file that is changed where it is: only the bytes that differ are written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "elf/source.hpp"

namespace fixelf {

class InPlace {
 public:
  // Why nothing at all may be written to a file of that identity.
  static std::optional<std::string> refusal(const FileSource::Identity& original);

  // Prepares everything that can fail, and changes no byte. The original is open for writing; it
  // and the ranges must exist until all is over. Fails with Unsupported for a refusal().
  static Result<InPlace> prepare(const FileSource& original, const std::string& path,
                                 std::span<const ByteRange> ranges, uint64_t newSize);

  [[nodiscard]] int descriptor() const { return file_; }

  // Writes the bytes and keeps mode, file capabilities and times. Not flushed.
  [[nodiscard]] Status write();
  // Writes the old bytes back, and flushes them.
  [[nodiscard]] Status rollBack();

 private:
  InPlace() = default;
  struct Write {
    uint64_t offset = 0;
    std::span<const uint8_t> bytes;
  };
  static std::vector<Write> writesOf(std::span<const ByteRange> ranges,
                                     std::span<const ByteRange> shared);
  Status put(const std::vector<Write>& writes, uint64_t size) const;
  Status keepMetadata() const;

  std::string path_;
  int file_ = -1;
  FileSource::Identity identity_;  // once all is prepared: who writes now is another process
  std::span<const ByteRange> ranges_;
  std::vector<ByteRange> before_;  // what the ranges hold now
  // Sectors that more than one range touches, old and new: each is written by one call, as
  // patch/record tells old from new by whole sectors, and the process may be killed between two
  // calls.
  std::vector<ByteRange> sharedBefore_;
  std::vector<ByteRange> sharedAfter_;
  uint64_t oldSize_ = 0;
  uint64_t newSize_ = 0;
  uint32_t mode_ = 0;
  int64_t modifiedNanoseconds_ = 0;
  std::vector<uint8_t> capabilities_;  // the attribute's value; empty: none
};

}  // namespace fixelf
