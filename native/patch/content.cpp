#include "patch/content.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/descriptor.hpp"
#include "base/page_buffer.hpp"
#include "patch/digest.hpp"

namespace fixelf {

namespace {

// What is read, changed, digested and written stays in the processor's own cache this way. Larger
// runs are faster, but for a small file not by as much as the fresh pages for them cost: malloc
// keeps memory for blocks of less than 128 KiB, and gets larger ones from the kernel each time.
constexpr uint64_t kSmallChunk = 64U << 10;
constexpr uint64_t kLargeChunk = 256U << 10;
constexpr uint64_t kLargeFile = 4U << 20;

size_t chunkFor(uint64_t size) {
  const uint64_t most = size < kLargeFile ? kSmallChunk : kLargeChunk;
  return static_cast<size_t>(std::clamp<uint64_t>(size, 1, most));
}
// This much is handed to the disk at once, which writes it while the next part is copied.
constexpr uint64_t kStep = 8U << 20;
// Larger holes are not worth a digest: this many zeros take a twentieth of a second.
constexpr uint64_t kMostOfHoles = uint64_t{1} << 30;

Status setSize(int file, uint64_t size, const std::string& path) {
  if (uninterrupted([&] { return ftruncate(file, static_cast<off_t>(size)); }) == 0) return Done{};
  return systemError(errno, "set the size of the file", path);
}

// Writes the parts of ranges that lie in [from, end).
Status writeRanges(int file, std::span<const ByteRange> ranges, uint64_t from, uint64_t end,
                   const std::string& path) {
  for (const ByteRange& range : ranges) {
    const uint64_t first = std::max(from, range.offset);
    const uint64_t last = std::min(end, range.end());
    if (first >= last) continue;
    const auto part =
        std::span(range.bytes)
            .subspan(static_cast<size_t>(first - range.offset), static_cast<size_t>(last - first));
    if (Status status = writeFully(file, first, part, path); !status) return status;
  }
  return Done{};
}

// Copies one file into another.
class Copy {
 public:
  Copy(int file, const FileSource& original, std::span<const ByteRange> ranges, uint64_t size,
       bool wantsDigest, const std::string& path)
      : file_(file),
        original_(original),
        ranges_(ranges),
        size_(size),
        path_(path),
        buffer_(chunkFor(size)) {
    if (wantsDigest) digest_.emplace();
  }

  Result<std::optional<uint64_t>> run() {
    // The size first. If each write moved the end instead, XFS would turn what it reserved behind
    // the end into zeros, and a hole there would be lost.
    if (Status status = setSize(file_, size_, path_); !status) return status.error();
    const uint64_t common = std::min(size_, original_.size());
    for (uint64_t at = 0; at < common;) {
      // If the file system has no notion of holes, this fails, and everything is data.
      const int descriptor = original_.descriptor();
      const off_t found = lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
      const bool onlyHole = found < 0 && errno == ENXIO;
      const uint64_t data = onlyHole    ? common
                            : found < 0 ? at
                                        : std::clamp(static_cast<uint64_t>(found), at, common);
      const off_t hole = found < 0 ? -1 : lseek(descriptor, found, SEEK_HOLE);
      // If another process punches holes meanwhile, the rest is data: each iteration makes
      // progress.
      const uint64_t end = hole <= found ? common : std::min(static_cast<uint64_t>(hole), common);
      if (Status status = passHole(at, data); !status) return status.error();
      if (Status status = copyData(data, end); !status) return status.error();
      at = std::max(end, data);
    }
    if (Status status = passHole(common, size_); !status) return status.error();
    return digest_ ? std::optional(digest_->value()) : std::nullopt;
  }

 private:
  Status copyData(uint64_t from, uint64_t end) {
    const PatchedSource changed(original_, ranges_, size_);
    uint64_t handed = from;
    for (uint64_t at = from; at < end;) {
      const auto bytes =
          buffer_.first(static_cast<size_t>(std::min<uint64_t>(buffer_.size(), end - at)));
      if (Status status = changed.read(at, bytes); !status) return status;
      if (digest_) digest_->add(bytes);
      if (Status status = writeFully(file_, at, bytes, path_); !status) return status;
      at += bytes.size();
      if (at - handed < kStep && at < end) continue;
      // Only a hint: what matters is the flush, and that is checked.
      (void)sync_file_range(file_, static_cast<off64_t>(handed), static_cast<off64_t>(at - handed),
                            SYNC_FILE_RANGE_WRITE);
      handed = at;
    }
    return Done{};
  }

  // Writes only what the ranges put there.
  Status passHole(uint64_t from, uint64_t end) {
    if (from >= end) return Done{};
    holes_ += end - from;
    if (holes_ > kMostOfHoles) digest_.reset();
    const MemorySource nothing({});
    const PatchedSource changed(nothing, ranges_, size_);
    for (uint64_t at = from; digest_ && at < end;) {
      const auto bytes =
          buffer_.first(static_cast<size_t>(std::min<uint64_t>(buffer_.size(), end - at)));
      if (Status status = changed.read(at, bytes); !status) return status;
      digest_->add(bytes);
      at += bytes.size();
    }
    return writeRanges(file_, ranges_, from, end, path_);
  }

  int file_;
  const FileSource& original_;
  std::span<const ByteRange> ranges_;
  uint64_t size_;
  const std::string& path_;
  PageBuffer buffer_;
  std::optional<Digest> digest_;
  uint64_t holes_ = 0;  // bytes
};

}  // namespace

Result<std::optional<uint64_t>> writeContent(int file, const FileSource& original,
                                             std::span<const ByteRange> ranges, uint64_t size,
                                             bool wantsDigest, const std::string& path) {
  if (uninterrupted([&] { return ioctl(file, FICLONE, original.descriptor()); }) != 0) {
    return Copy(file, original, ranges, size, wantsDigest, path).run();
  }
  if (Status status = writeRanges(file, ranges, 0, size, path); !status) return status.error();
  // Even if it seems to be the original's: that may have grown or shrunk before it was cloned.
  if (Status status = setSize(file, size, path); !status) return status.error();
  return std::optional<uint64_t>();
}

}  // namespace fixelf
