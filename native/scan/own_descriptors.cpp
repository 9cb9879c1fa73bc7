#include "scan/own_descriptors.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

namespace fixelf {

namespace {

// <linux/close_range.h>, which older systems lack.
constexpr unsigned kUnshare = 1U << 1U;  // CLOSE_RANGE_UNSHARE
constexpr long kCloseRange = 436;        // the same number on all machines but Alpha

long closeRange(unsigned first, unsigned last, unsigned flags) {
  return syscall(kCloseRange, first, last, flags);
}

}  // namespace

void takeOwnDescriptors(std::span<const int> kept) {
  // Nothing has this number: the table becomes the thread's own and stays as it is.
  if (closeRange(UINT_MAX, UINT_MAX, kUnshare) != 0) return;
  std::vector<int> sorted(kept.begin(), kept.end());
  std::sort(sorted.begin(), sorted.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int descriptor : sorted) {
    const auto next = static_cast<unsigned>(descriptor);
    if (next > first) closeRange(first, next - 1, 0);
    first = std::max(first, next + 1);
  }
  closeRange(first, UINT_MAX, 0);
}

}  // namespace fixelf
