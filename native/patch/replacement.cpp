#include "patch/replacement.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <string_view>
#include <utility>

namespace fixelf {

namespace {

std::string uniqueName(const std::string& name) {
  static std::atomic<unsigned> counter{0};
  return "." + name.substr(0, 200) + ".fixelf-" + std::to_string(getpid()) + "-" +
         std::to_string(counter++);
}

// Copies [offset, end) of one file to the same place in another.
Status copyExtent(int from, int to, uint64_t offset, uint64_t end, const std::string& path) {
  auto in = static_cast<off64_t>(offset);
  auto out = in;
  while (std::cmp_less(in, end)) {
    const auto left = static_cast<size_t>(end - static_cast<uint64_t>(in));
    const ssize_t count = copy_file_range(from, &in, to, &out, left, 0);
    if (count > 0) continue;
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return Error{ErrorCode::Changed, "the file was truncated meanwhile", path, 0};
    // Old kernels and some file systems can't: then by hand.
    if (errno != ENOSYS && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP) {
      return systemError(errno, "copy the file", path);
    }
    std::vector<uint8_t> buffer(1U << 20);
    while (std::cmp_less(in, end)) {
      const size_t wanted =
          static_cast<size_t>(std::min<uint64_t>(buffer.size(), end - static_cast<uint64_t>(in)));
      const ssize_t got = pread(from, buffer.data(), wanted, in);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return systemError(errno, "read the file", path);
      if (got == 0) return Error{ErrorCode::Changed, "the file was truncated meanwhile", path, 0};
      const auto bytes = std::span(buffer).first(static_cast<size_t>(got));
      if (Status status = writeFully(to, static_cast<uint64_t>(in), bytes, path); !status) {
        return status;
      }
      in += got;
    }
  }
  return Done{};
}

}  // namespace

Status writeFully(int descriptor, uint64_t offset, std::span<const uint8_t> bytes,
                  const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      return systemError(errno, "write the file", path);
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return Done{};
}

Result<Replacement> Replacement::create(const std::string& target) {
  const size_t slash = target.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : target.substr(0, slash + 1);
  std::string name = slash == std::string::npos ? target : target.substr(slash + 1);
  Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return systemError(errno, "open the directory", parent);
  // Not readable by others until it has the original's owner and mode.
  constexpr mode_t kPrivate = 0600;
  Descriptor file(openat(directory.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kPrivate));
  std::string temporary;
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
    temporary = uniqueName(name);
    file = Descriptor(openat(directory.get(), temporary.c_str(),
                             O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate));
  }
  if (!file) return systemError(errno, "write into the directory", parent);
  return Replacement(std::move(directory), std::move(file), target, std::move(name),
                     std::move(temporary));
}

Replacement::Replacement(Replacement&& other) noexcept
    : directory_(std::move(other.directory_)),
      file_(std::move(other.file_)),
      target_(std::move(other.target_)),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})) {}

Replacement::~Replacement() {
  if (!temporary_.empty()) unlinkat(directory_.get(), temporary_.c_str(), 0);
}

Status Replacement::copyFrom(int original, uint64_t size) const {
  if (ioctl(file_.get(), FICLONE, original) == 0) return Done{};
  // The size first: holes then need no writing.
  if (ftruncate(file_.get(), static_cast<off_t>(size)) != 0) {
    return systemError(errno, "write the file", target_);
  }
  uint64_t at = 0;
  while (at < size) {
    const off_t data = lseek(original, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    if (data < 0) return copyExtent(original, file_.get(), at, size, target_);
    const off_t hole = lseek(original, data, SEEK_HOLE);
    const uint64_t end = hole < 0 ? size : std::min(size, static_cast<uint64_t>(hole));
    Status status = copyExtent(original, file_.get(), static_cast<uint64_t>(data), end, target_);
    if (!status) return status;
    at = end;
  }
  return Done{};
}

Status Replacement::apply(const std::vector<ByteRange>& ranges, uint64_t size) const {
  for (const ByteRange& range : ranges) {
    Status status = writeFully(file_.get(), range.offset, range.bytes, target_);
    if (!status) return status;
  }
  if (ftruncate(file_.get(), static_cast<off_t>(size)) != 0) {
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
  if (otherOwner && fchown(file_.get(), state.st_uid, state.st_gid) != 0) {
    return systemError(errno, "keep the file's owner (run as its owner, or use --in-place)",
                       target_);
  }
  std::array<char, 65536> names{};  // XATTR_LIST_MAX
  const ssize_t length = flistxattr(original, names.data(), names.size());
  if (length < 0 && errno != ENOTSUP) {
    return systemError(errno, "read the extended attributes", target_);
  }
  for (const char* name = names.data(); name < names.data() + std::max<ssize_t>(length, 0);
       name += std::string_view(name).size() + 1) {
    std::vector<char> value(65536);  // XATTR_SIZE_MAX
    const ssize_t size = fgetxattr(original, name, value.data(), value.size());
    if (size < 0 && errno == ENODATA) continue;
    if (size < 0 || fsetxattr(file_.get(), name, value.data(), static_cast<size_t>(size), 0) != 0) {
      // Labels that the kernel sets by itself can't be set by others, and are there already.
      if (std::string_view(name).starts_with("security.selinux")) continue;
      return systemError(errno, std::string("keep the extended attribute ") + name, target_);
    }
  }
  // Last: chown and the ACL both change the mode.
  if (fchmod(file_.get(), state.st_mode & 07777U) != 0) {
    return systemError(errno, "keep the file's mode", target_);
  }
  const std::array<timespec, 2> times = {state.st_atim, state.st_mtim};
  if (futimens(file_.get(), times.data()) != 0) {
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
  if (temporary_.empty()) {
    // An unnamed file cannot replace another: it gets a name first.
    const std::string temporary = uniqueName(name_);
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    if (linkat(AT_FDCWD, self.c_str(), directory_.get(), temporary.c_str(), AT_SYMLINK_FOLLOW) !=
        0) {
      return systemError(errno, "name the new file", target_);
    }
    temporary_ = temporary;
  }
  if (renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0) {
    return systemError(errno, "replace the file", target_);
  }
  temporary_.clear();
  return Done{};
}

}  // namespace fixelf
