#include "base/descriptor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

namespace fixelf {

size_t freeDescriptors() {
  // The next one opened gets the lowest free number (open(2)).
  const Descriptor next(eventfd(0, EFD_CLOEXEC));
  rlimit limit{};
  if (!next || getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto used = static_cast<rlim_t>(next.get());
  return limit.rlim_cur > used ? static_cast<size_t>(limit.rlim_cur - used) : 0;
}

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

bool writeStream(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count =
        uninterrupted([&] { return write(descriptor, text.data(), text.size()); });
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
      continue;
    }
    // Another process made the pipe non-blocking, and it is full.
    pollfd ready{descriptor, POLLOUT, 0};
    if (errno != EAGAIN || uninterrupted([&] { return poll(&ready, 1, -1); }) < 0) return false;
  }
  return true;
}

Status flushFile(int descriptor, const std::string& path) {
  if (uninterrupted([&] { return fsync(descriptor); }) == 0) return Done{};
  return systemError(errno, "flush the file to disk", path);
}

bool tryLock(int descriptor) {
  return uninterrupted([&] { return flock(descriptor, LOCK_EX | LOCK_NB); }) == 0 ||
         errno != EWOULDBLOCK;
}

Status lockFile(int descriptor, const std::string& path) {
  // A process that another thread is just starting holds all our descriptors, and so a lock that we
  // have released, until its exec closes them (flock(2)): that is soon over.
  constexpr auto kPause = std::chrono::milliseconds(10);
  for (int patience = 100; patience > 0; --patience) {
    if (tryLock(descriptor)) return Done{};
    std::this_thread::sleep_for(kPause);
  }
  return Error{ErrorCode::Busy, "another process is changing this file, or holds a lock on it",
               path, EWOULDBLOCK};
}

}  // namespace fixelf
