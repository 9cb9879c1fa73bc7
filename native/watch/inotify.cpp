#include "watch/inotify.hpp"

#include <sys/inotify.h>

#include <cstring>

namespace fixelf {

namespace {

// Some two thousand events with names of usual length.
constexpr size_t kBufferSize = size_t{64} << 10;

}  // namespace

Result<Inotify> Inotify::open() {
  Descriptor descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (descriptor) return Inotify(std::move(descriptor));
  const int number = errno;
  Error error = systemError(number, "watch directories", {});
  if (number == EMFILE) {
    error.message =
        "cannot watch directories: this user has as many watching processes as the kernel allows; "
        "raise fs.inotify.max_user_instances (sysctl), or end some";
  }
  return error;
}

Result<int> Inotify::add(const std::string& directory, uint32_t mask) const {
  const int watch = inotify_add_watch(descriptor_.get(), directory.c_str(),
                                      mask | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD);
  if (watch < 0) return systemError(errno, "watch the directory", directory);
  return watch;
}

void Inotify::remove(int watch) const {
  // It fails if the kernel was faster: the directory is gone.
  (void)inotify_rm_watch(descriptor_.get(), watch);
}

Result<std::vector<InotifyEvent>> Inotify::read() {
  buffer_.resize(kBufferSize);
  std::vector<InotifyEvent> events;
  const ssize_t length =
      uninterrupted([&] { return ::read(descriptor_.get(), buffer_.data(), buffer_.size()); });
  if (length < 0 && errno == EAGAIN) return events;
  if (length < 0) return systemError(errno, "read what happens in the directories", {});
  const auto end = static_cast<size_t>(length);
  size_t at = 0;
  while (end - at >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    at += sizeof event;
    if (event.len > end - at) break;
    // The name ends with at least one NUL, and is padded with more.
    events.push_back({event.wd, event.mask,
                      std::string(buffer_.data() + at, strnlen(buffer_.data() + at, event.len))});
    at += event.len;
  }
  return events;
}

}  // namespace fixelf
