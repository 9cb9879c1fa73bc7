// The kernel's queue of what happens in directories: inotify(7).
//
// fanotify would watch a whole file system with one mark, but needs CAP_SYS_ADMIN; inotify is open
// to every user. Node's own fs.watch does not report when a written file is closed, nor when the
// queue overflows, the two things that matter here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace fixelf {

struct InotifyEvent {
  int watch = -1;     // -1 with IN_Q_OVERFLOW
  uint32_t mask = 0;  // IN_…
  std::string name;   // of the entry of the watched directory; empty for the directory itself
};

class Inotify {
 public:
  static Result<Inotify> open();

  // Returns the watch's number: the same one if the directory is already watched, which then is for
  // `mask` as well. Only directories; a symbolic link is not followed. `systemError` is ENOSPC if
  // the user has as many watches as fs.inotify.max_user_watches allows.
  [[nodiscard]] Result<int> add(const std::string& directory, uint32_t mask) const;
  void remove(int watch) const;

  // What has been queued, without waiting for more; at most a buffer full at a time.
  Result<std::vector<InotifyEvent>> read();

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }

 private:
  explicit Inotify(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;
  std::vector<char> buffer_;
};

}  // namespace fixelf
