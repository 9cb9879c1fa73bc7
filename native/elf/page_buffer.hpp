// Memory for reading a file through from its beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace fixelf {

// It begins where a page begins, as what is read into it does in the page cache. A large vector
// begins 16 bytes into a page (malloc's header is before it), and with such a distance the kernel
// copies at less than half the speed on AMD's Zen 3 and 4: page aliasing of REP MOVSB (glibc bug
// 30994). It is not zeroed: a read that the kernel cut short says so.
class PageBuffer {
 public:
  explicit PageBuffer(size_t size)
      : bytes_(static_cast<uint8_t*>(::operator new (size, std::align_val_t{kPage}))),
        size_(size) {}

  [[nodiscard]] std::span<uint8_t> first(size_t size) const {
    return std::span(bytes_.get(), size_).first(size);
  }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr size_t kPage = 4096;
  struct Free {
    void operator()(uint8_t* bytes) const { ::operator delete (bytes, std::align_val_t{kPage}); }
  };
  std::unique_ptr<uint8_t, Free> bytes_;
  size_t size_;
};

}  // namespace fixelf
