#include "base/own.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace fixelf {

Status demandOwn(int descriptor, const std::string& path) {
  struct stat state {};
  if (fstat(descriptor, &state) != 0) return systemError(errno, "examine", path);
  if (state.st_uid != geteuid()) {
    return Error{ErrorCode::PermissionDenied,
                 path + " belongs to user " + std::to_string(state.st_uid) + ", and this is user " +
                     std::to_string(geteuid()) +
                     ": call fixelf with sudo -H, or set XDG_STATE_HOME and XDG_CACHE_HOME to "
                     "directories of your own",
                 path, 0};
  }
  if ((state.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{ErrorCode::PermissionDenied,
                 "others may write to " + path + ", so that it is not believed: chmod go-w " + path,
                 path, 0};
  }
  return Done{};
}

Result<Descriptor> openOwnDirectory(const std::string& path) {
  Descriptor directory(uninterrupted(
      [&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }));
  if (!directory) return systemError(errno, "open the directory", path);
  if (Status own = demandOwn(directory.get(), path); !own) return own.error();
  return directory;
}

}  // namespace fixelf
