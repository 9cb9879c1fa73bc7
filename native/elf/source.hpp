// Where bytes come from.
//
// Facts are read from a file by a few small preads, never by mapping it: a mapped file that is
// truncated meanwhile raises SIGBUS. The same reader serves bytes that exist only in memory (tests)
// and bytes that a plan would write (verification before anything is written).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/page_buffer.hpp"

namespace fixelf {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  [[nodiscard]] virtual uint64_t size() const = 0;

  // Fills `out` from `offset`, or fails with Truncated if the range leaves the file.
  Status read(uint64_t offset, std::span<uint8_t> out) const;

  // A copy of a range. `limit` caps the allocation: sizes come from the file, so from an attacker.
  // It can grow by `room` bytes without being copied.
  Result<std::vector<uint8_t>> bytes(uint64_t offset, uint64_t length, uint64_t limit,
                                     size_t room = 0) const;

  // Passes a table to `visit(entries, offset)` in runs of whole entries: a caller that reads it
  // once needs neither its size in memory nor the kernel's zeros for fresh pages, which cost more
  // than the reading.
  template <class Visit>
  Status visit(uint64_t offset, uint64_t count, size_t entrySize, Visit visit) const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): is read into
    alignas(kPage) std::array<uint8_t, kRun + kPage> run;
    const uint64_t most = kRun / entrySize;
    while (count > 0) {
      const uint64_t entries = std::min(count, most);
      const auto bytes =
          std::span(run).subspan(startInPage(offset), static_cast<size_t>(entries) * entrySize);
      if (Status status = read(offset, bytes); !status) return status;
      visit(bytes, offset);
      offset += bytes.size();  // inside the file, so it cannot wrap
      count -= entries;
    }
    return Done{};
  }

  // The NUL-terminated string at `offset`, which must end before `end`.
  Result<std::string> string(uint64_t offset, uint64_t end, uint64_t limit) const;

 private:
  static constexpr size_t kRun = 65'536;

 protected:
  // The range is known to lie inside size().
  virtual Status readInside(uint64_t offset, std::span<uint8_t> out) const = 0;
};

// For something to be read as a file that, by its mode (inode(7)), is not one.
Error notRegular(mode_t mode, const std::string& path);

// The error for a file that open(2) refused.
Error cannotOpen(int number, const std::string& path);

// The parts of one file that were read last. They serve small reads, so that reading a typical
// program's facts costs one pread for the headers and one for each other table. A caller that reads
// many files keeps one set for all of them.
class ReadWindows {
 public:
  static constexpr size_t kSize = 4096;
  // The longest read that is worth a window.
  static constexpr size_t kLongest = kSize / 2;

  // Forgets the previous file.
  void restart();
  // The same, and takes the first bytes of the next file, which the caller read into head().
  void restart(size_t headLength);
  [[nodiscard]] std::span<uint8_t> head();

  // Whether the bytes were there.
  [[nodiscard]] bool copy(uint64_t offset, std::span<uint8_t> out) const;
  struct Window {  // NOLINT(cppcoreguidelines-pro-type-member-init)
    uint64_t offset = 0;
    size_t length = 0;  // 0 while it has not been filled
    // Not initialised: it is filled before it is read, and zeroing it would cost as much.
    std::array<uint8_t, kSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  };
  // The one to be filled next.
  Window& victim();

 private:
  static constexpr size_t kWindows = 6;
  // Made when first needed, and kept.
  std::array<std::unique_ptr<Window>, kWindows> windows_;
  size_t used_ = 0;
  size_t next_ = 0;
};

// An open regular file.
class FileSource final : public Source {
 public:
  // What identifies exactly the content that was read; see patch/undo for what it is compared with.
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t size = 0;
    int64_t modifiedNanoseconds = 0;  // st_mtim since the epoch
    int64_t changedNanoseconds = 0;   // st_ctim since the epoch
    uint32_t mode = 0;
    uint64_t links = 0;
    bool operator==(const Identity&) const = default;
    // Compares everything but mode and links, which do not affect the content.
    [[nodiscard]] bool hasContentOf(const Identity& other) const;
  };

  // Follows symbolic links; does not block on a FIFO.
  static Result<std::unique_ptr<FileSource>> open(const std::string& path);
  // The same, with the caller's windows.
  static Result<std::unique_ptr<FileSource>> open(const std::string& path, ReadWindows& windows);
  // Takes ownership of `descriptor`, even on failure.
  static Result<std::unique_ptr<FileSource>> adopt(int descriptor, const std::string& path);
  // Leaves closing to the caller, whose windows hold only bytes of this file.
  static Result<std::unique_ptr<FileSource>> borrow(int descriptor, const std::string& path,
                                                    ReadWindows& windows);
  // A time of struct stat, since the epoch.
  static int64_t nanoseconds(const timespec& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
  static Identity identityOf(int descriptor, Status& status, const std::string& path);

  ~FileSource() override;
  [[nodiscard]] uint64_t size() const override { return identity_.size; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 protected:
  Status readInside(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  FileSource(int descriptor, std::string path, Identity identity)
      : descriptor_(descriptor), path_(std::move(path)), identity_(identity) {}
  Status readFully(uint64_t offset, std::span<uint8_t> out) const;

  int descriptor_;
  bool closes_ = true;
  std::string path_;
  Identity identity_;
  mutable ReadWindows own_;
  ReadWindows* windows_ = &own_;
};

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] uint64_t size() const override { return bytes_.size(); }

 protected:
  Status readInside(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  std::vector<uint8_t> bytes_;
};

// A run of bytes to be put at an offset: the unit of plans and undo records.
struct ByteRange {
  uint64_t offset = 0;
  std::vector<uint8_t> bytes;
  [[nodiscard]] uint64_t end() const { return offset + bytes.size(); }
};

// Another source with ranges (in any order, the last one wins) replaced and its end moved;
// unwritten bytes past the old end read as zeros, as they would in the file.
class PatchedSource final : public Source {
 public:
  PatchedSource(const Source& base, std::span<const ByteRange> ranges, uint64_t size)
      : base_(base), ranges_(ranges), size_(size) {}
  [[nodiscard]] uint64_t size() const override { return size_; }

 protected:
  Status readInside(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  const Source& base_;
  std::span<const ByteRange> ranges_;
  uint64_t size_;
};

}  // namespace fixelf
