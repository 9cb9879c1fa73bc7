#include "patch/in_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "patch/record.hpp"

namespace fixelf {

namespace {

constexpr char kCapabilities[] = "security.capability";

// The sectors that more than one range touches, as the source has them, up to its end.
Result<std::vector<ByteRange>> sharedSectors(const Source& source,
                                             std::span<const ByteRange> ranges) {
  std::vector<ByteRange> sectors;
  for (size_t at = 1; at < ranges.size(); ++at) {
    const uint64_t offset = ranges[at].offset / kSectorSize * kSectorSize;
    const bool isShared = ranges[at - 1].end() > offset;
    const bool isKnown = !sectors.empty() && sectors.back().offset == offset;
    if (!isShared || isKnown || offset >= source.size()) continue;
    const uint64_t length = std::min(kSectorSize, source.size() - offset);
    auto bytes = source.bytes(offset, length, length);
    if (!bytes) return bytes.error();
    sectors.push_back({offset, std::move(*bytes)});
  }
  return sectors;
}

bool isOwnGroup(gid_t group) {
  if (geteuid() == 0 || getegid() == group) return true;
  const int count = getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<size_t>(std::max(count, 0)));
  if (getgroups(count, groups.data()) != count) return false;
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

// Changes nothing: where fchmod() by a caller outside the group would clear the set-group-ID bit
// (chmod(2)), it is not called.
Status demandKeepableMode(const FileSource& original) {
  struct stat state {};
  if (fstat(original.descriptor(), &state) != 0) return systemError(errno, "examine the file", {});
  if ((state.st_mode & (S_ISUID | S_ISGID)) == 0) return Done{};
  const bool losesGroup = (state.st_mode & S_ISGID) != 0 && !isOwnGroup(state.st_gid);
  if (losesGroup ||
      uninterrupted([&] { return fchmod(original.descriptor(), state.st_mode & 07777U); }) != 0) {
    return systemError(losesGroup ? EPERM : errno,
                       "keep the file's set-user-ID and set-group-ID bits", {});
  }
  return Done{};
}

}  // namespace

std::optional<std::string> InPlace::refusal(const FileSource::Identity& original) {
  if (original.links <= 1) return std::nullopt;
  return "the file has other hard links, which would change as well; without --in-place they stay "
         "as they are";
}

Result<InPlace> InPlace::prepare(const FileSource& original, const std::string& path,
                                 std::span<const ByteRange> ranges, uint64_t newSize) {
  if (const auto why = refusal(original.identity()))
    return Error{ErrorCode::Unsupported, *why, path, 0};
  InPlace change;
  change.path_ = path;
  change.file_ = original.descriptor();
  const int file = change.file_;
  change.oldSize_ = original.size();
  change.newSize_ = newSize;
  change.mode_ = original.identity().mode & 07777U;
  change.modifiedNanoseconds_ = original.identity().modifiedNanoseconds;

  change.ranges_ = ranges;
  for (const ByteRange& range : ranges) {
    const uint64_t end = std::min(range.end(), original.size());
    if (range.offset >= end) continue;
    auto bytes = original.bytes(range.offset, end - range.offset, end - range.offset);
    if (!bytes) return std::move(bytes.error()).at(path);
    change.before_.push_back({range.offset, std::move(*bytes)});
  }
  auto before = sharedSectors(original, ranges);
  auto after = sharedSectors(PatchedSource(original, ranges, newSize), ranges);
  if (!before) return std::move(before.error()).at(path);
  if (!after) return std::move(after.error()).at(path);
  change.sharedBefore_ = std::move(*before);
  change.sharedAfter_ = std::move(*after);

  // Writing clears a file's set-user-ID and set-group-ID bits, and its capabilities (kernel,
  // file_remove_privs). A caller that may not restore them must not write.
  if (Status status = demandKeepableMode(original); !status)
    return std::move(status.error()).at(path);
  std::array<uint8_t, 64> value{};
  const ssize_t length = fgetxattr(file, kCapabilities, value.data(), value.size());
  if (length > 0) {
    change.capabilities_.assign(value.begin(), value.begin() + length);
    if (Status status = change.keepMetadata(); !status) return status.error();
  }
  // Room is the last thing that can be missing, and the file keeps its size meanwhile. If the file
  // system can't reserve any, writing will show.
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

std::vector<InPlace::Write> InPlace::writesOf(std::span<const ByteRange> ranges,
                                              std::span<const ByteRange> shared) {
  std::vector<Write> writes;
  for (const ByteRange& sector : shared)
    writes.push_back({sector.offset, sector.bytes});
  const auto isShared = [&](uint64_t offset) {
    const uint64_t start = offset / kSectorSize * kSectorSize;
    return std::any_of(shared.begin(), shared.end(),
                       [&](const ByteRange& sector) { return sector.offset == start; });
  };
  for (const ByteRange& range : ranges) {
    uint64_t from = range.offset;
    uint64_t end = range.end();
    if (isShared(from)) from = (from / kSectorSize + 1) * kSectorSize;
    if (isShared(end - 1)) end = (end - 1) / kSectorSize * kSectorSize;
    if (from >= end) continue;
    const auto bytes = std::span<const uint8_t>(range.bytes);
    writes.push_back({from, bytes.subspan(static_cast<size_t>(from - range.offset),
                                          static_cast<size_t>(end - from))});
  }
  return writes;
}

Status InPlace::put(const std::vector<Write>& writes, uint64_t size) const {
  for (const Write& write : writes) {
    if (Status status = writeFully(file_, write.offset, write.bytes, path_); !status) {
      return status;
    }
  }
  if (oldSize_ != newSize_ &&
      uninterrupted([&] { return ftruncate(file_, static_cast<off_t>(size)); }) != 0) {
    return systemError(errno, "set the size of the file", path_);
  }
  return keepMetadata();
}

Status InPlace::keepMetadata() const {
  if (!capabilities_.empty() && uninterrupted([&] {
                                  return fsetxattr(file_, kCapabilities, capabilities_.data(),
                                                   capabilities_.size(), 0);
                                }) != 0) {
    return systemError(errno, "keep the file's capabilities", path_);
  }
  struct stat state {};
  if (fstat(file_, &state) != 0) return systemError(errno, "examine the file", path_);
  // Writing clears the setuid and setgid bits unless the caller is privileged.
  if ((state.st_mode & 07777U) != mode_ &&
      uninterrupted([&] { return fchmod(file_, mode_); }) != 0) {
    return systemError(errno, "keep the file's mode", path_);
  }
  constexpr int64_t kSecond = 1'000'000'000;
  // Rounded down: times before 1970 are negative, their nanoseconds are not.
  int64_t seconds = modifiedNanoseconds_ / kSecond;
  if (modifiedNanoseconds_ % kSecond < 0) --seconds;
  const std::array<timespec, 2> times = {
      timespec{0, UTIME_OMIT}, timespec{seconds, modifiedNanoseconds_ - seconds * kSecond}};
  // Only the owner may set a time that is not now (utimensat(2)).
  if (uninterrupted([&] { return futimens(file_, times.data()); }) != 0 && errno != EPERM) {
    return systemError(errno, "keep the file's times", path_);
  }
  return Done{};
}

Status InPlace::write() {
  Status status = Done{};
  const FileSource::Identity now = FileSource::identityOf(file_, status, path_);
  if (!status) return status;
  if (now != identity_) {
    return Error{ErrorCode::Changed, "the file has changed since it was read", path_, 0};
  }
  return put(writesOf(ranges_, sharedAfter_), newSize_);
}

Status InPlace::rollBack() {
  if (Status status = put(writesOf(before_, sharedBefore_), oldSize_); !status) return status;
  return flushFile(file_, path_);
}

}  // namespace fixelf
