#include "patch/descriptor.hpp"

#include <sys/file.h>

namespace fixelf {

Status writeFully(int descriptor, uint64_t offset, std::span<const uint8_t> bytes,
                  const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted(
        [&] { return pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) return systemError(errno, "write the file", path);
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return Done{};
}

Status flushFile(int descriptor, const std::string& path) {
  if (uninterrupted([&] { return fsync(descriptor); }) == 0) return Done{};
  return systemError(errno, "flush the file to disk", path);
}

Status lockFile(int descriptor, const std::string& path) {
  if (uninterrupted([&] { return flock(descriptor, LOCK_EX | LOCK_NB); }) == 0 ||
      errno != EWOULDBLOCK) {
    return Done{};
  }
  return Error{ErrorCode::Busy, "another process is changing this file, or holds a lock on it",
               path, EWOULDBLOCK};
}

}  // namespace fixelf
