#include "patch/replacement.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

constexpr std::string_view kMark = ".fixelf-";
constexpr size_t kHashLength = 16;

// The name that the new file has for a moment before it is renamed. Long names are cut so that it
// fits into NAME_MAX; the hash keeps them apart.
std::string temporaryName(const std::string& name) {
  std::array<char, kHashLength + 1> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(name.data(), name.size())));
  return "." + name.substr(0, 200) + std::string(kMark) + hash.data();
}

// The target's name, from one that the above made; empty for others, and if it was cut.
std::string targetName(const std::string& temporary) {
  constexpr size_t kAdded = 1 + kMark.size() + kHashLength;
  if (temporary.size() <= kAdded) return {};
  std::string name = temporary.substr(1, temporary.size() - kAdded);
  return temporaryName(name) == temporary ? name : std::string();
}

// For looking at a file that may be anything, and locking it.
constexpr int kLook = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

// Removes a file of that name if no living process works on it, and returns whether the name is
// free.
bool removeUnlocked(int directory, const std::string& name) {
  const Descriptor found(openat(directory, name.c_str(), kLook));
  if (!found) return errno == ENOENT;
  return lockFile(found.get(), name) && unlinkat(directory, name.c_str(), 0) == 0;
}

// Makes two names in a directory swap their files, in one step. The C library's wrapper is younger
// than the system call (musl 1.2.5).
bool exchange(int directory, const std::string& one, const std::string& other) {
  return uninterrupted([&] {
           return syscall(SYS_renameat2, directory, one.c_str(), directory, other.c_str(),
                          RENAME_EXCHANGE);
         }) == 0;
}

// Whether it is the open file `original`, not written to and with the same permissions. Not by
// st_ctim: a rename changes that. Nor by the number that the file had before: overlayfs gives
// another one to a file with several names when the rename copies it up (Linux
// Documentation/filesystems/overlayfs.rst, "Inode properties").
bool isStill(const struct stat& now, int original, const struct stat& before) {
  struct stat open {};
  return fstat(original, &open) == 0 && now.st_dev == open.st_dev && now.st_ino == open.st_ino &&
         now.st_size == before.st_size && now.st_mtim.tv_sec == before.st_mtim.tv_sec &&
         now.st_mtim.tv_nsec == before.st_mtim.tv_nsec && now.st_mode == before.st_mode &&
         now.st_uid == before.st_uid && now.st_gid == before.st_gid;
}

// A file without a name gets one by way of /proc (open(2), O_TMPFILE), which a chroot may lack.
// linkat() of the descriptor itself is for root or, since Linux 6.10, for whoever opened it.
bool canGetNames() {
  static const bool can = access("/proc/self/fd", X_OK) == 0;
  return can;
}

}  // namespace

Result<Replacement> Replacement::create(Location target) {
  if (Status status = target.demandFlushable(); !status) return status.error();
  const int directory = target.directory();
  // Files can be created in it, but neither replaced nor removed again (chattr(1), "a").
  int flags = 0;
  if (ioctl(directory, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_APPEND_FL) != 0) {
    return systemError(EPERM, "replace a file in a directory that is append-only (chattr +a)",
                       target.path());
  }
  // Not readable by others until it has the original's owner and mode.
  constexpr mode_t kPrivate = 0600;
  errno = EOPNOTSUPP;
  Descriptor file(canGetNames() ? uninterrupted([&] {
    return openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kPrivate);
  })
                                : -1);
  bool named = false;
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
    const std::string temporary = temporaryName(target.name());
    const auto open = [&] {
      return openat(directory, temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate);
    };
    file = Descriptor(uninterrupted(open));
    if (!file && errno == EEXIST && removeUnlocked(directory, temporary)) {
      file = Descriptor(uninterrupted(open));
    }
    named = static_cast<bool>(file);
  }
  if (!file) return systemError(errno, "write into its directory", target.path());
  Replacement replacement(std::move(target), std::move(file), named);
  if (Status status = lockFile(replacement.descriptor(), replacement.target().path()); !status) {
    return status.error();
  }
  return replacement;
}

void Replacement::removeLeftover(const Location& target) {
  removeUnlocked(target.directory(), temporaryName(target.name()));
}

void Replacement::removeAbandoned(const std::string& path) {
  const auto leftover = Location::of(path);
  if (!leftover) return;
  const std::string name = targetName(leftover->name());
  if (name.empty()) return;
  // Whoever works on the target holds its lock, and the temporary name may be anything meanwhile.
  const Descriptor target(openat(leftover->directory(), name.c_str(), kLook));
  if (target ? !lockFile(target.get(), path) : errno != ENOENT) return;
  removeUnlocked(leftover->directory(), leftover->name());
}

Replacement::Replacement(Replacement&& other) noexcept
    : target_(std::move(other.target_)),
      file_(std::move(other.file_)),
      named_(std::exchange(other.named_, false)) {}

Replacement::~Replacement() {
  if (named_) unlinkat(target_.directory(), temporaryName(target_.name()).c_str(), 0);
}

Status Replacement::copyOwner(int original) const {
  struct stat state {};
  struct stat own {};
  if (fstat(original, &state) != 0 || fstat(file_.get(), &own) != 0) {
    return systemError(errno, "examine the file", target_.path());
  }
  if (own.st_uid == state.st_uid && own.st_gid == state.st_gid) return Done{};
  if (uninterrupted([&] { return fchown(file_.get(), state.st_uid, state.st_gid); }) == 0) {
    return Done{};
  }
  Error error = systemError(errno, "keep the file's owner", target_.path());
  error.message += "; run as its owner";
  return error;
}

// Exactly the original's: a default ACL of the directory (acl(5)) may have given the new file one
// that lets others in.
Status Replacement::copyAcl(int original) const {
  constexpr char kAcl[] = "system.posix_acl_access";
  std::vector<char> value(65536);  // XATTR_SIZE_MAX
  const ssize_t size = fgetxattr(original, kAcl, value.data(), value.size());
  const bool isCopied =
      size >= 0 ? uninterrupted([&] {
                    return fsetxattr(file_.get(), kAcl, value.data(), static_cast<size_t>(size), 0);
                  }) == 0
                : uninterrupted([&] { return fremovexattr(file_.get(), kAcl); }) == 0 ||
                      errno == ENODATA || errno == ENOTSUP;
  if (isCopied) return Done{};
  return systemError(errno, "keep the file's access control list", target_.path());
}

Status Replacement::copyMetadata(int original) const {
  struct stat state {};
  if (fstat(original, &state) != 0) return systemError(errno, "examine the file", target_.path());
  if (Status status = copyAcl(original); !status) return status;
  const ssize_t length = flistxattr(original, nullptr, 0);
  if (length < 0 && errno != ENOTSUP) {
    return systemError(errno, "read the extended attributes", target_.path());
  }
  if (length > 0) {
    std::vector<char> names(65536);  // XATTR_LIST_MAX
    std::vector<char> value(65536);  // XATTR_SIZE_MAX
    const ssize_t listed = flistxattr(original, names.data(), names.size());
    if (listed < 0) return systemError(errno, "read the extended attributes", target_.path());
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
      // Labels that the kernel sets itself can't be set by others, and are already there.
      if (kept || name == "security.selinux") continue;
      return systemError(errno, "keep the extended attribute " + name, target_.path());
    }
  }
  // Last: chown and the ACL both change the mode.
  if (uninterrupted([&] { return fchmod(file_.get(), state.st_mode & 07777U); }) != 0) {
    return systemError(errno, "keep the file's mode", target_.path());
  }
  const std::array<timespec, 2> times = {state.st_atim, state.st_mtim};
  if (uninterrupted([&] { return futimens(file_.get(), times.data()); }) != 0) {
    return systemError(errno, "keep the file's times", target_.path());
  }
  return Done{};
}

Status Replacement::copyPermissions(int original) const {
  struct stat state {};
  if (fstat(original, &state) != 0) return systemError(errno, "examine the file", target_.path());
  if (Status status = copyAcl(original); !status) return status;
  if (fchmod(file_.get(), state.st_mode & 0777U) != 0)
    return systemError(errno, "set the file's mode", target_.path());
  return Done{};
}

Status Replacement::takeName() {
  if (named_) return Done{};
  // An unnamed file cannot replace another: it gets a name first.
  const std::string temporary = temporaryName(target_.name());
  const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
  const auto link = [&] {
    return linkat(AT_FDCWD, self.c_str(), target_.directory(), temporary.c_str(),
                  AT_SYMLINK_FOLLOW);
  };
  named_ = uninterrupted(link) == 0;
  if (!named_ && errno == EEXIST && removeUnlocked(target_.directory(), temporary)) {
    named_ = uninterrupted(link) == 0;
  }
  if (!named_) return systemError(errno, "name the new file", target_.path());
  return Done{};
}

Status Replacement::publish() {
  if (Status status = takeName(); !status) return status;
  const std::string temporary = temporaryName(target_.name());
  if (uninterrupted([&] {
        return renameat(target_.directory(), temporary.c_str(), target_.directory(),
                        target_.name().c_str());
      }) != 0) {
    return systemError(errno, "replace the file", target_.path());
  }
  named_ = false;
  return Done{};
}

Status Replacement::publishInsteadOf(int original, const struct stat& before) {
  if (Status status = takeName(); !status) return status;
  const std::string temporary = temporaryName(target_.name());
  if (!exchange(target_.directory(), temporary, target_.name())) {
    // EINVAL: the file system cannot exchange (rename(2)); ENOSYS: the kernel cannot.
    if (errno == EINVAL || errno == ENOSYS) return publish();
    if (errno == ENOENT) return changedMeanwhile();
    return systemError(errno, "replace the file", target_.path());
  }
  // The temporary name now has what was under the target's.
  struct stat found {};
  if (fstatat(target_.directory(), temporary.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    const int number = errno;
    return giveBack() ? Status(systemError(number, "examine the replaced file", target_.path()))
                      : Status(leftBehind());
  }
  if (!isStill(found, original, before)) return giveBack() ? changedMeanwhile() : leftBehind();
  // If this fails, the destructor tries again.
  named_ = unlinkat(target_.directory(), temporary.c_str(), 0) != 0;
  return Done{};
}

// Another process's file was taken out instead of the original. It goes back; if yet another has
// come meanwhile, that is the newer one, and stays.
bool Replacement::giveBack() {
  const std::string temporary = temporaryName(target_.name());
  struct stat placed {};  // what we have put under the target's name, to be taken out again
  if (fstat(file_.get(), &placed) != 0) return named_ = false;
  // Each iteration means that another process was faster than two system calls.
  constexpr int kMostTimes = 64;
  for (int times = 0; times < kMostTimes; ++times) {
    struct stat next {};
    if (fstatat(target_.directory(), temporary.c_str(), &next, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (!exchange(target_.directory(), temporary, target_.name())) {
      // It was removed, with ours in its place: better one file too many than one too few.
      if (errno != ENOENT || linkat(target_.directory(), temporary.c_str(), target_.directory(),
                                    target_.name().c_str(), 0) != 0) {
        break;
      }
      return true;
    }
    struct stat found {};
    if (fstatat(target_.directory(), temporary.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (found.st_dev == placed.st_dev && found.st_ino == placed.st_ino) return true;
    placed = next;
  }
  return named_ = false;  // what is there now is not ours to remove
}

Error Replacement::changedMeanwhile() const {
  return Error{ErrorCode::Changed, "the file has changed since it was read", target_.path(), 0};
}

Error Replacement::leftBehind() const {
  return Error{ErrorCode::Changed,
               "another file came in its place meanwhile, and could not be put back: it is " +
                   temporaryName(target_.name()) + ", beside it",
               target_.path(), 0};
}

}  // namespace fixelf
