// Memory for reading much of a file through the page cache.
//
// AMD's Zen 3 and 4 copy (REP MOVSB, in the kernel's copy_to_user) at a ninth of the speed if the
// target is slightly, less than 32 bytes, further into its page than the source is into its own:
// page aliasing, glibc bug 30994. And a large vector begins 16 bytes into a page, behind malloc's
// header, which is just that distance for a file read from its beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace fixelf {

constexpr size_t kPage = 4096;

// Where to read bytes of a file from that offset on, as a distance from the beginning of a page: as
// far into it as they are into theirs.
constexpr size_t startInPage(uint64_t offset) {
  return static_cast<size_t>(offset % kPage);
}

// It begins where a page begins, and is not zeroed.
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
  struct Free {
    void operator()(uint8_t* bytes) const { ::operator delete (bytes, std::align_val_t{kPage}); }
  };
  std::unique_ptr<uint8_t, Free> bytes_;
  size_t size_;
};

}  // namespace fixelf
