#include "patch/in_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>

#include "patch/record.hpp"

namespace fixelf {

namespace {

constexpr char kCapabilities[] = "security.capability";

// The sectors that the ranges touch, as the source has them, up to its end. Each run is written by
// one call: two would leave a sector half changed if the process were killed between them.
Result<std::vector<ByteRange>> wholeSectors(const Source& source,
                                            std::span<const ByteRange> ranges) {
  std::vector<ByteRange> runs;
  for (auto range = ranges.begin(); range != ranges.end();) {
    const uint64_t from = range->offset / kSectorSize * kSectorSize;
    uint64_t end = range->end();
    for (++range; range != ranges.end() && range->offset / kSectorSize <= (end - 1) / kSectorSize;
         ++range) {
      end = range->end();
    }
    end = std::min((end + kSectorSize - 1) / kSectorSize * kSectorSize, source.size());
    if (from >= end) continue;
    auto bytes = source.bytes(from, end - from, end - from);
    if (!bytes) return bytes.error();
    runs.push_back({from, std::move(*bytes)});
  }
  return runs;
}

}  // namespace

Result<InPlace> InPlace::prepare(const FileSource& original, const std::string& path,
                                 std::span<const ByteRange> ranges, uint64_t newSize) {
  if (original.identity().links > 1) {
    return Error{ErrorCode::Unsupported,
                 "the file has other hard links, which would change as well; without --in-place "
                 "they stay as they are",
                 path, 0};
  }
  InPlace change;
  change.path_ = path;
  change.file_ = Descriptor(
      uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW); }));
  if (!change.file_) {
    Error error = systemError(errno, "write to the file", path);
    if (error.code == ErrorCode::Busy) {
      error.message += "; without --in-place it can be changed while it runs";
    }
    return error;
  }
  const int file = change.file_.get();
  change.oldSize_ = original.size();
  change.newSize_ = newSize;
  change.mode_ = original.identity().mode & 07777U;
  change.modifiedNanoseconds_ = original.identity().modifiedNanoseconds;

  auto before = wholeSectors(original, ranges);
  if (!before) return std::move(before.error()).at(path);
  change.before_ = std::move(*before);
  auto after = wholeSectors(PatchedSource(original, ranges, newSize), ranges);
  if (!after) return std::move(after.error()).at(path);
  change.after_ = std::move(*after);

  // Writing takes a file's capabilities away (kernel, file_remove_privs). Who may not give them
  // back must not write.
  std::array<uint8_t, 64> value{};
  const ssize_t length = fgetxattr(file, kCapabilities, value.data(), value.size());
  if (length > 0) {
    change.capabilities_.assign(value.begin(), value.begin() + length);
    if (Status status = change.keepMetadata(); !status) return status.error();
  }
  // Room is the last thing that can be missing, and the file is as long as before meanwhile. Where
  // the file system can't reserve any, writing will tell.
  if (newSize > change.oldSize_ &&
      uninterrupted([&] {
        return fallocate(file, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(change.oldSize_),
                         static_cast<off_t>(newSize - change.oldSize_));
      }) != 0 &&
      errno != EOPNOTSUPP) {
    const int number = errno;
    (void)!ftruncate(file, static_cast<off_t>(change.oldSize_));
    (void)change.keepMetadata();
    return systemError(number, "grow the file", path);
  }
  Status status = Done{};
  change.identity_ = FileSource::identityOf(file, status, path);
  if (!status) return status.error();
  return change;
}

Status InPlace::put(const std::vector<ByteRange>& ranges, uint64_t size) const {
  for (const ByteRange& range : ranges) {
    Status status = writeFully(file_.get(), range.offset, range.bytes, path_);
    if (!status) return status;
  }
  if (oldSize_ != newSize_ &&
      uninterrupted([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0) {
    return systemError(errno, "set the size of the file", path_);
  }
  return keepMetadata();
}

Status InPlace::keepMetadata() const {
  if (!capabilities_.empty() && uninterrupted([&] {
                                  return fsetxattr(file_.get(), kCapabilities, capabilities_.data(),
                                                   capabilities_.size(), 0);
                                }) != 0) {
    return systemError(errno, "keep the file's capabilities", path_);
  }
  struct stat state {};
  if (fstat(file_.get(), &state) != 0) return systemError(errno, "examine the file", path_);
  // Writing takes the setuid and setgid bits away from who is not privileged.
  if ((state.st_mode & 07777U) != mode_ &&
      uninterrupted([&] { return fchmod(file_.get(), mode_); }) != 0) {
    return systemError(errno, "keep the file's mode", path_);
  }
  constexpr int64_t kSecond = 1'000'000'000;
  // Rounded down: times before 1970 are negative, their nanoseconds are not.
  int64_t seconds = modifiedNanoseconds_ / kSecond;
  if (modifiedNanoseconds_ % kSecond < 0) --seconds;
  const std::array<timespec, 2> times = {
      timespec{0, UTIME_OMIT}, timespec{seconds, modifiedNanoseconds_ - seconds * kSecond}};
  if (uninterrupted([&] { return futimens(file_.get(), times.data()); }) != 0) {
    return systemError(errno, "keep the file's times", path_);
  }
  return Done{};
}

Status InPlace::write() {
  Status status = Done{};
  const FileSource::Identity now = FileSource::identityOf(file_.get(), status, path_);
  if (!status) return status;
  if (now != identity_) {
    return Error{ErrorCode::Changed, "the file has changed since it was read", path_, 0};
  }
  return put(after_, newSize_);
}

Status InPlace::rollBack() {
  if (Status status = put(before_, oldSize_); !status) return status;
  return flushFile(file_.get(), path_);
}

}  // namespace fixelf
