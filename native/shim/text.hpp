// A piece of text that is stored somewhere else. std::string_view would do, but its throwing
// functions need a C++ library, and there is none here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fixelf::shim {

struct Text {
  const char* data = nullptr;
  std::size_t size = 0;

  constexpr Text() = default;
  constexpr Text(const char* start, std::size_t length) : data(start), size(length) {}

  // From a literal.
  template <std::size_t N>
  constexpr Text(const char (&literal)[N])  // NOLINT(google-explicit-constructor)
      : data(static_cast<const char*>(literal)), size(N - 1) {}

  static constexpr Text of(const char* terminated) {
    std::size_t length = 0;
    while (terminated[length] != '\0')
      ++length;
    return {terminated, length};
  }

  [[nodiscard]] constexpr bool empty() const { return size == 0; }
  [[nodiscard]] constexpr char last() const { return data[size - 1]; }

  [[nodiscard]] constexpr bool startsWith(Text head) const {
    return size >= head.size && Text(data, head.size) == head;
  }

  [[nodiscard]] constexpr Text without(Text head) const {
    return {data + head.size, size - head.size};
  }

  // Up to the first `end`, or all of it.
  [[nodiscard]] constexpr Text until(char end) const {
    std::size_t length = 0;
    while (length < size && data[length] != end)
      ++length;
    return {data, length};
  }

  // Everything behind the last `end`, or all of it.
  [[nodiscard]] constexpr Text behindLast(char end) const {
    std::size_t at = size;
    while (at > 0 && data[at - 1] != end)
      --at;
    return {data + at, size - at};
  }

  constexpr bool operator==(Text other) const {
    if (size != other.size) return false;
    for (std::size_t index = 0; index < size; ++index)
      if (data[index] != other.data[index]) return false;
    return true;
  }
};

// A number in decimal.
class Digits {
 public:
  explicit constexpr Digits(unsigned number) {
    do {
      digits_[--first_] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
  }
  [[nodiscard]] constexpr Text text() const { return {&digits_[first_], sizeof digits_ - first_}; }

 private:
  char digits_[10] = {};
  std::size_t first_ = sizeof digits_;
};

}  // namespace fixelf::shim
