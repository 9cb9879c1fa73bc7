#include "base/opener.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/close_range.hpp"

namespace fixelf {

namespace {

// The C library's openat and read are cancellation points: where there are threads, each call sets
// and clears a flag with an atomic operation (glibc nptl/cancellation.c), which was a tenth of what
// a walk spends outside the kernel. These threads are never cancelled.
int openAt(int directory, const char* name, int flags) {
  return static_cast<int>(syscall(SYS_openat, directory, name, flags | O_LARGEFILE));
}

}  // namespace

int Opener::open(int directory, const char* name, int flags) {
  const int descriptor = openOnce(directory, name, flags);
  if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE) || count_ == 0) return descriptor;
  flush();
  return openOnce(directory, name, flags);
}

int Opener::openOnce(int directory, const char* name, int flags) {
  flags |= O_RDONLY | O_CLOEXEC;
  const int descriptor = openAt(directory, name, flags | accessTimeFlag_);
  if (descriptor >= 0 || errno != EPERM || accessTimeFlag_ == 0) return descriptor;
  accessTimeFlag_ = 0;
  return openAt(directory, name, flags);
}

ssize_t Opener::read(int descriptor, std::span<uint8_t> out) {
  ssize_t length = 0;
  do {
    length = syscall(SYS_read, descriptor, out.data(), out.size());
  } while (length < 0 && errno == EINTR);
  return length;
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
    // The numbers between two of them are still in use.
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
