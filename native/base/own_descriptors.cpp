#include "base/own_descriptors.hpp"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "base/close_range.hpp"

namespace fixelf {

bool takeOwnDescriptors(std::span<const int> kept) {
  // No descriptor has this number: the table becomes the thread's own and stays as it is.
  if (!closeRange(UINT_MAX, UINT_MAX, kCloseRangeUnshare)) return false;
  std::vector<int> sorted(kept.begin(), kept.end());
  std::sort(sorted.begin(), sorted.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int descriptor : sorted) {
    const auto next = static_cast<unsigned>(descriptor);
    if (next > first) closeRange(first, next - 1, 0);
    first = std::max(first, next + 1);
  }
  closeRange(first, UINT_MAX, 0);
  return true;
}

}  // namespace fixelf
