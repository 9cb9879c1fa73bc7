#include "scan/opener.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "scan/close_range.hpp"

namespace fixelf {

int Opener::open(int directory, const char* name, int flags) {
  flags |= O_RDONLY | O_CLOEXEC;
  int descriptor = openat(directory, name, flags | leaveAccessTime_);
  if (descriptor >= 0) return descriptor;
  if (errno == EPERM && leaveAccessTime_ != 0) {
    // Where one file is somebody else's, so are most.
    leaveAccessTime_ = 0;
    descriptor = openat(directory, name, flags);
  }
  if (descriptor < 0 && (errno == EMFILE || errno == ENFILE) && count_ != 0) {
    flush();
    descriptor = openat(directory, name, flags);
  }
  return descriptor;
}

void Opener::flush() {
  const auto end = waiting_.begin() + count_;
  std::sort(waiting_.begin(), end);
  for (auto first = waiting_.begin(); first != end;) {
    auto last = first;
    // What lies between two of them is still in use.
    while (last + 1 != end && *(last + 1) == *last + 1)
      ++last;
    if (!closeRange(static_cast<unsigned>(*first), static_cast<unsigned>(*last), 0)) {
      for (auto each = first; each <= last; ++each)
        ::close(*each);
    }
    first = last + 1;
  }
  count_ = 0;
}

}  // namespace fixelf
