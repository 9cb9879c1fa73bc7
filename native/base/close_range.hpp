// close_range(2), which neither older kernels (before 5.9) nor older C libraries have.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

namespace fixelf {

// From <linux/close_range.h>: first gives the calling thread a descriptor table of its own.
constexpr unsigned kCloseRangeUnshare = 1U << 1U;

// Whether it succeeded; if not, errno has the reason.
inline bool closeRange(unsigned first, unsigned last, unsigned flags) {
  constexpr long number = 436;  // the same on all machines but Alpha
  return syscall(number, first, last, flags) == 0;
}

}  // namespace fixelf
