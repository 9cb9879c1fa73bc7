#include "patch/replacement.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fixelf {

namespace {

// The name that the new file has for the moment before it is renamed. Long names are cut, so that
// it fits into NAME_MAX; the hash keeps them apart.
std::string temporaryName(const std::string& name) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(name.data(), name.size())));
  return "." + name.substr(0, 200) + ".fixelf-" + hash.data();
}

// Removes a file of that name which no living process works on, and says whether the name is free.
bool removeAbandoned(int directory, const std::string& name) {
  const Descriptor found(
      openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!found) return errno == ENOENT;
  return lockFile(found.get(), name) && unlinkat(directory, name.c_str(), 0) == 0;
}

// Where a path's last component begins.
size_t nameStart(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? 0 : slash + 1;
}

Descriptor openParent(const std::string& path) {
  const std::string parent = nameStart(path) == 0 ? "." : path.substr(0, nameStart(path));
  return Descriptor(
      uninterrupted([&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
}

Error truncated(const std::string& path) {
  return Error{ErrorCode::Changed, "the file was truncated meanwhile", path, 0};
}

// Copies [offset, end) by hand, for old kernels and file systems without copy_file_range.
Status copyByHand(int from, int to, uint64_t offset, uint64_t end, const std::string& path) {
  std::vector<uint8_t> buffer(static_cast<size_t>(std::min<uint64_t>(1U << 20, end - offset)));
  while (offset < end) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), end - offset));
    const ssize_t got = uninterrupted(
        [&] { return pread(from, buffer.data(), wanted, static_cast<off_t>(offset)); });
    if (got < 0) return systemError(errno, "read the file", path);
    if (got == 0) return truncated(path);
    const auto bytes = std::span(buffer).first(static_cast<size_t>(got));
    if (Status status = writeFully(to, offset, bytes, path); !status) return status;
    offset += bytes.size();
  }
  return Done{};
}

// Copies [offset, end) of one file to the same place in another.
Status copyExtent(int from, int to, uint64_t offset, uint64_t end, const std::string& path) {
  // So much is copied, then handed to the disk, which writes it while the next is copied.
  constexpr uint64_t kStep = 8U << 20;
  while (offset < end) {
    const auto step = static_cast<size_t>(std::min(kStep, end - offset));
    auto in = static_cast<off64_t>(offset);
    auto out = in;
    ssize_t count = uninterrupted([&] { return copy_file_range(from, &in, to, &out, step, 0); });
    if (count == 0) return truncated(path);
    if (count < 0) {
      if (errno != ENOSYS && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP) {
        return systemError(errno, "copy the file", path);
      }
      if (Status status = copyByHand(from, to, offset, offset + step, path); !status) return status;
      count = static_cast<ssize_t>(step);
    }
    // Only a hint: what matters is the flush, and that is checked.
    (void)sync_file_range(to, static_cast<off64_t>(offset), count, SYNC_FILE_RANGE_WRITE);
    offset += static_cast<uint64_t>(count);
  }
  return Done{};
}

}  // namespace

Result<Replacement> Replacement::create(const std::string& target) {
  const std::string parent = nameStart(target) == 0 ? "." : target.substr(0, nameStart(target));
  std::string name = target.substr(nameStart(target));
  Descriptor directory = openParent(target);
  if (!directory) return systemError(errno, "open the directory", parent);
  // Not readable by others until it has the original's owner and mode.
  constexpr mode_t kPrivate = 0600;
  Descriptor file(uninterrupted(
      [&] { return openat(directory.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kPrivate); }));
  bool named = false;
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
    const std::string temporary = temporaryName(name);
    const auto open = [&] {
      return openat(directory.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                    kPrivate);
    };
    file = Descriptor(uninterrupted(open));
    if (!file && errno == EEXIST && removeAbandoned(directory.get(), temporary)) {
      file = Descriptor(uninterrupted(open));
    }
    named = static_cast<bool>(file);
  }
  if (!file) return systemError(errno, "write into the directory", parent);
  Replacement replacement(std::move(directory), std::move(file), target, std::move(name), named);
  if (Status status = lockFile(replacement.descriptor(), target); !status) return status.error();
  return replacement;
}

void Replacement::removeLeftover(const std::string& target) {
  const Descriptor directory = openParent(target);
  if (directory) removeAbandoned(directory.get(), temporaryName(target.substr(nameStart(target))));
}

Replacement::Replacement(Replacement&& other) noexcept
    : directory_(std::move(other.directory_)),
      file_(std::move(other.file_)),
      target_(std::move(other.target_)),
      name_(std::move(other.name_)),
      named_(std::exchange(other.named_, false)) {}

Replacement::~Replacement() {
  if (named_) unlinkat(directory_.get(), temporaryName(name_).c_str(), 0);
}

Result<bool> Replacement::copyFrom(int original, uint64_t size) const {
  if (uninterrupted([&] { return ioctl(file_.get(), FICLONE, original); }) == 0) return false;
  // The size first: holes then need no writing.
  if (uninterrupted([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0) {
    return systemError(errno, "write the file", target_);
  }
  uint64_t at = 0;
  while (at < size) {
    const off_t data = lseek(original, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    const off_t hole = data < 0 ? -1 : lseek(original, data, SEEK_HOLE);
    const uint64_t from = data < 0 ? at : std::min(size, static_cast<uint64_t>(data));
    const uint64_t end = hole < 0 ? size : std::min(size, static_cast<uint64_t>(hole));
    if (Status status = copyExtent(original, file_.get(), from, end, target_); !status) {
      return status.error();
    }
    at = end;
  }
  return true;
}

Status Replacement::apply(std::span<const ByteRange> ranges, uint64_t size) const {
  for (const ByteRange& range : ranges) {
    Status status = writeFully(file_.get(), range.offset, range.bytes, target_);
    if (!status) return status;
  }
  struct stat state {};
  if (fstat(file_.get(), &state) != 0) return systemError(errno, "examine the file", target_);
  if (std::cmp_not_equal(state.st_size, size) &&
      uninterrupted([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0) {
    return systemError(errno, "set the size of the file", target_);
  }
  return Done{};
}

Status Replacement::copyMetadata(int original) const {
  struct stat state {};
  if (fstat(original, &state) != 0) return systemError(errno, "examine the file", target_);
  struct stat own {};
  if (fstat(file_.get(), &own) != 0) return systemError(errno, "examine the file", target_);
  const bool otherOwner = own.st_uid != state.st_uid || own.st_gid != state.st_gid;
  if (otherOwner &&
      uninterrupted([&] { return fchown(file_.get(), state.st_uid, state.st_gid); }) != 0) {
    return systemError(errno, "keep the file's owner (run as its owner, or use --in-place)",
                       target_);
  }
  const ssize_t length = flistxattr(original, nullptr, 0);
  if (length < 0 && errno != ENOTSUP) {
    return systemError(errno, "read the extended attributes", target_);
  }
  if (length > 0) {
    std::vector<char> names(65536);  // XATTR_LIST_MAX
    std::vector<char> value(65536);  // XATTR_SIZE_MAX
    const ssize_t listed = flistxattr(original, names.data(), names.size());
    if (listed < 0) return systemError(errno, "read the extended attributes", target_);
    std::string_view left(names.data(), static_cast<size_t>(listed));
    while (!left.empty()) {
      const std::string name(left.substr(0, left.find('\0')));
      left.remove_prefix(std::min(left.size(), name.size() + 1));
      const ssize_t size = fgetxattr(original, name.c_str(), value.data(), value.size());
      if (size < 0 && errno == ENODATA) continue;
      const bool kept = size >= 0 && uninterrupted([&] {
                                       return fsetxattr(file_.get(), name.c_str(), value.data(),
                                                        static_cast<size_t>(size), 0);
                                     }) == 0;
      // Labels that the kernel sets by itself can't be set by others, and are there already.
      if (kept || name == "security.selinux") continue;
      return systemError(errno, "keep the extended attribute " + name, target_);
    }
  }
  // Last: chown and the ACL both change the mode.
  if (uninterrupted([&] { return fchmod(file_.get(), state.st_mode & 07777U); }) != 0) {
    return systemError(errno, "keep the file's mode", target_);
  }
  const std::array<timespec, 2> times = {state.st_atim, state.st_mtim};
  if (uninterrupted([&] { return futimens(file_.get(), times.data()); }) != 0) {
    return systemError(errno, "keep the file's times", target_);
  }
  return Done{};
}

Status Replacement::copyPermissions(int original) const {
  struct stat state {};
  if (fstat(original, &state) != 0) return systemError(errno, "examine the file", target_);
  if (fchmod(file_.get(), state.st_mode & 0777U) != 0)
    return systemError(errno, "set the file's mode", target_);
  return Done{};
}

Status Replacement::publish() {
  const std::string temporary = temporaryName(name_);
  if (!named_) {
    // An unnamed file cannot replace another: it gets a name first.
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    const auto link = [&] {
      return linkat(AT_FDCWD, self.c_str(), directory_.get(), temporary.c_str(), AT_SYMLINK_FOLLOW);
    };
    named_ = uninterrupted(link) == 0;
    if (!named_ && errno == EEXIST && removeAbandoned(directory_.get(), temporary)) {
      named_ = uninterrupted(link) == 0;
    }
    if (!named_) return systemError(errno, "name the new file", target_);
  }
  if (uninterrupted([&] {
        return renameat(directory_.get(), temporary.c_str(), directory_.get(), name_.c_str());
      }) != 0) {
    return systemError(errno, "replace the file", target_);
  }
  named_ = false;
  return Done{};
}

}  // namespace fixelf
