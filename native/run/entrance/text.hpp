// Texts of fixed capacity, for paths and for the one sentence that may have to be printed.
#pragma once

namespace fixelf::entrance {

inline bool equal(const char* one, const char* other) {
  while (*one != '\0' && *one == *other) {
    ++one;
    ++other;
  }
  return *one == *other;
}

// Only what was written is read.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
class Text {
 public:
  Text& add(const char* more) {
    while (*more != '\0' && length_ < kRoom)
      characters_[length_++] = *more++;
    whole_ = whole_ && *more == '\0';
    characters_[length_] = '\0';
    return *this;
  }
  Text& add(long number) {
    char digits[24];
    char* at = digits + sizeof digits;
    *--at = '\0';
    for (long rest = number; rest > 0 || *at == '\0'; rest /= 10)
      *--at = static_cast<char>('0' + rest % 10);
    return add(at);
  }
  [[nodiscard]] const char* get() const { return characters_; }
  [[nodiscard]] long length() const { return length_; }
  // Whether nothing was cut off.
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  static constexpr long kRoom = 8192;  // PATH_MAX, with a prefix
  char characters_[kRoom + 1];
  long length_ = 0;
  bool whole_ = true;
};

}  // namespace fixelf::entrance
