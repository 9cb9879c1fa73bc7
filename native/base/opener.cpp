#include "base/opener.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/close_range.hpp"

namespace fixelf {

int Opener::open(int directory, const char* name, int flags) {
  const int descriptor = openOnce(directory, name, flags);
  if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE) || count_ == 0) return descriptor;
  flush();
  return openOnce(directory, name, flags);
}

int Opener::openOnce(int directory, const char* name, int flags) {
  flags |= O_RDONLY | O_CLOEXEC;
  const int descriptor = openat(directory, name, flags | accessTimeFlag_);
  if (descriptor >= 0 || errno != EPERM || accessTimeFlag_ == 0) return descriptor;
  accessTimeFlag_ = 0;
  return openat(directory, name, flags);
}

void Opener::close(int descriptor) {
  if (!ownDescriptors_) {
    ::close(descriptor);
    return;
  }
  waiting_[count_++] = descriptor;
  if (count_ == waiting_.size()) flush();
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
