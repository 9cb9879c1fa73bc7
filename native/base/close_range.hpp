// close_range(2), which neither older kernels (before 5.9) nor older C libraries have.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

namespace fixelf {

// From <linux/close_range.h>: the calling thread gets a table of descriptors of its own first.
constexpr unsigned kCloseRangeUnshare = 1U << 1U;

// Whether it was done; errno says why not.
inline bool closeRange(unsigned first, unsigned last, unsigned flags) {
  constexpr long number = 436;  // the same on all machines but Alpha
  return syscall(number, first, last, flags) == 0;
}

}  // namespace fixelf
