// An open file descriptor that closes itself, and operations on one that several places need.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace fixelf {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// Repeats a system call as long as a signal interrupts it (on network file systems and FUSE even an
// open can end with EINTR).
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

// Roughly how many more the process can open before its limit (RLIMIT_NOFILE), if its numbers have
// no gaps.
size_t freeDescriptors();

// All of `bytes` at an offset, or the reason why not.
Status writeFully(int descriptor, uint64_t offset, std::span<const uint8_t> bytes,
                  const std::string& path);

// Writes all of a text to what may be a pipe or a terminal. Sets errno on failure.
bool writeStream(int descriptor, std::string_view text);

// Waits until content and size are on the disk.
Status flushFile(int descriptor, const std::string& path);

// Takes the advisory lock (flock) of an open file, until that is closed or the process ends. False
// if another holder has it. Where the file system has no locks, every caller gets it.
bool tryLock(int descriptor);

// Takes the advisory lock under which fixelf changes a file, until the descriptor is closed. Fails
// with Busy if another process holds one. Where the file system has no locks, there is none.
Status lockFile(int descriptor, const std::string& path);

}  // namespace fixelf
