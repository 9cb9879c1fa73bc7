// How one thread opens what it only looks at, a million times: leaving access times alone, and
// closing many descriptors at once.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fixelf {

// For one thread, and for descriptors that nothing else closes.
class Opener {
 public:
  // `ownDescriptors`: whether the thread has a table of its own. Descriptors waiting in a shared
  // table would be missing elsewhere.
  explicit Opener(bool ownDescriptors) : ownDescriptors_(ownDescriptors) {}
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener() { flush(); }

  // openat(2) with O_RDONLY, O_CLOEXEC and `flags`.
  int open(int directory, const char* name, int flags);

  // read(2): -1 and errno on failure.
  static ssize_t read(int descriptor, std::span<uint8_t> out);

  // Closes it now or later: a system call costs the switch to the kernel and back, whatever it
  // does, and close does hardly more.
  void close(int descriptor);

  // Closes what is pending; called before the thread waits, for there is no telling how long.
  void flush();

 private:
  int openOnce(int directory, const char* name, int flags);

  bool ownDescriptors_;
  // O_NOATIME until a file of another user is met: most files then are. It is only allowed for
  // one's own files, or for root (open(2)). Without it the first scan of a day would rewrite every
  // inode: relatime lets the time become a day old.
  int accessTimeFlag_ = O_NOATIME;
  // With more, their memory would no longer be in the processor's cache when it is reused.
  std::array<int, 32> waiting_{};
  size_t count_ = 0;
};

}  // namespace fixelf
