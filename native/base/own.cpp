#include "base/own.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/location.hpp"

namespace fixelf {

namespace {

Error belongsTo(uid_t owner, const std::string& path) {
  return Error{ErrorCode::PermissionDenied,
               path + " belongs to user " + std::to_string(owner) + ", and this is user " +
                   std::to_string(geteuid()) +
                   ": call fixelf with sudo -H, or set XDG_STATE_HOME and XDG_CACHE_HOME to "
                   "directories of your own",
               path, 0};
}

}  // namespace

Status demandOwn(int descriptor, const std::string& path) {
  struct stat state {};
  if (fstat(descriptor, &state) != 0) return systemError(errno, "examine", path);
  if (state.st_uid != geteuid()) return belongsTo(state.st_uid, path);
  if ((state.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{ErrorCode::PermissionDenied,
                 "others may write to " + path + ", so that it is not believed: chmod go-w " + path,
                 path, 0};
  }
  return Done{};
}

Result<Descriptor> openOwnDirectory(const std::string& path) {
  const size_t slash = path.rfind('/') + 1;
  const auto above = realPath(slash == 0 ? "." : path.substr(0, slash));
  if (!above) return above.error();
  Descriptor directory =
      openWithoutLinks(*above + "/" + path.substr(slash), O_RDONLY | O_DIRECTORY);
  // O_NOFOLLOW with O_DIRECTORY gives ENOTDIR for a link.
  if (!directory && (errno == ELOOP || errno == ENOTDIR))
    return Error{ErrorCode::PermissionDenied, path + " is no directory", path, errno};
  if (!directory) return systemError(errno, "open the directory", path);
  if (Status own = demandOwn(directory.get(), path); !own) return own.error();
  return directory;
}

Status makeOwnDirectory(const std::string& path) {
  constexpr mode_t kForOneUser = 0700;
  const auto made = makeDirectories(path, kForOneUser, [](int above, const std::string& name) {
    struct stat state {};
    if (fstat(above, &state) != 0) return Status(systemError(errno, "examine", name));
    if (state.st_uid != 0 && state.st_uid != geteuid())
      return Status(belongsTo(state.st_uid, name));
    return Status(Done{});
  });
  if (!made) return made.error();
  return demandOwn(made->get(), path);
}

}  // namespace fixelf
