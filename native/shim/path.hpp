// A path made of pieces, in a buffer of its own.
#pragma once

#include "system.hpp"
#include "text.hpp"

namespace fixelf::shim {

// What is longer than the buffer does not fit, and is left to the loader.
class Path {
 public:
  Path& operator<<(Text text) {
    cut_ = cut_ || text.size >= sizeof buffer_ - used_;
    if (cut_) return *this;
    __builtin_memcpy(buffer_ + used_, text.data, text.size);
    used_ += text.size;
    buffer_[used_] = '\0';
    return *this;
  }

  // The target of a symbolic link, replacing what was here.
  bool readLinkAt(const char* link) {
    const long size = readLink(link, static_cast<char*>(buffer_), sizeof buffer_ - 1);
    cut_ = size <= 0 || static_cast<std::size_t>(size) >= sizeof buffer_ - 1;
    used_ = cut_ ? 0 : static_cast<std::size_t>(size);
    buffer_[used_] = '\0';
    return !cut_;
  }

  [[nodiscard]] bool fits() const { return !cut_; }
  [[nodiscard]] const char* get() const { return static_cast<const char*>(buffer_); }
  // Up to its last slash, without it.
  [[nodiscard]] Text directory() const {
    std::size_t size = used_;
    while (size > 0 && buffer_[size - 1] != '/')
      --size;
    return {static_cast<const char*>(buffer_), size > 1 ? size - 1 : size};
  }

 private:
  char buffer_[512] = {};
  std::size_t used_ = 0;
  bool cut_ = false;  // all of it is zero at first, as layout.ld requires
};

}  // namespace fixelf::shim
