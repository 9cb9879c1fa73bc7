// How one thread opens what it only looks at, a million times: without a trace, and closing many
// descriptors at once.
#pragma once

#include <fcntl.h>

#include <array>
#include <cstddef>

namespace fixelf {

// For one thread, and for descriptors that nobody else closes.
class Opener {
 public:
  Opener() = default;
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener() { flush(); }

  // openat(2) with O_RDONLY, O_CLOEXEC and `flags`.
  int open(int directory, const char* name, int flags);

  // Closes it now or later: a system call costs the switch to the kernel and back, whatever it
  // does, and close hardly does more.
  void close(int descriptor) {
    waiting_[count_++] = descriptor;
    if (count_ == waiting_.size()) flush();
  }

 private:
  void flush();

  // Whether reading leaves the access time alone, which is only allowed on files of one's own, or
  // to root (open(2)). Else the first scan of a day would write every inode anew: relatime lets the
  // time become a day old.
  int leaveAccessTime_ = O_NOATIME;
  // With more, their memory is no longer in the processor's cache when it is used again.
  std::array<int, 32> waiting_{};
  size_t count_ = 0;
};

}  // namespace fixelf
