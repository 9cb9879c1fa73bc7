// The two ways in which Zstandard reads bits (RFC 8878, 4.1 "FSE" and 4.2 "Huffman Coding"):
// descriptions of tables are read from the first bit on, what is coded with them from the last bit
// back.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fixelf::zstd {

inline uint64_t loadLittleEndian(const uint8_t* bytes, size_t count = 8) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

// The position of the highest bit set.
inline unsigned highestBit(uint32_t value) {
  return 31U - static_cast<unsigned>(std::countl_zero(value));
}

class ForwardBits {
 public:
  explicit ForwardBits(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // Up to 16 bits, without consuming them; zeros behind the end.
  [[nodiscard]] uint32_t peek(unsigned count) const {
    uint32_t value = 0;
    for (size_t index = 0; index < 4; ++index) {
      const size_t at = bit_ / 8 + index;
      if (at < bytes_.size()) value |= static_cast<uint32_t>(bytes_[at]) << (8 * index);
    }
    return (value >> (bit_ % 8)) & ((1U << count) - 1);
  }
  void skip(unsigned count) { bit_ += count; }
  uint32_t read(unsigned count) {
    const uint32_t value = peek(count);
    skip(count);
    return value;
  }

  // Bytes that were begun; more than there are if it was read beyond the end.
  [[nodiscard]] size_t used() const { return (bit_ + 7) / 8; }

 private:
  std::span<const uint8_t> bytes_;
  size_t bit_ = 0;
};

class BackwardBits {
 public:
  // False if the last byte has no bit that marks the end.
  bool open(std::span<const uint8_t> bytes) {
    if (bytes.empty() || bytes.back() == 0) return false;
    begin_ = bytes.data();
    const unsigned padding = 8 - highestBit(bytes.back());
    if (bytes.size() >= sizeof(uint64_t)) {
      at_ = begin_ + bytes.size() - sizeof(uint64_t);
      container_ = loadLittleEndian(at_);
      consumed_ = padding;
    } else {
      at_ = begin_;
      container_ = loadLittleEndian(begin_, bytes.size());
      consumed_ = padding + static_cast<unsigned>(8 * (sizeof(uint64_t) - bytes.size()));
    }
    return true;
  }

  // `count` is less than 57, or what is left after `refill`; zeros before the beginning.
  [[nodiscard]] uint64_t peek(unsigned count) const {
    return ((container_ << (consumed_ & 63U)) >> 1U) >> ((63U - count) & 63U);
  }
  void skip(unsigned count) { consumed_ += count; }
  uint64_t read(unsigned count) {
    const uint64_t value = peek(count);
    skip(count);
    return value;
  }

  // Makes 57 bits available, or all that are left. False if more was read than there is.
  bool refill() {
    if (consumed_ > 64) return false;
    const auto left = static_cast<size_t>(at_ - begin_);
    // Nearly always: a branch on whether there is a whole byte to move by would be mispredicted too
    // often.
    if (left >= sizeof(uint64_t)) {
      move(consumed_ / 8);
    } else if (left > 0) {
      move(std::min<size_t>(consumed_ / 8, left));
    }
    return true;
  }

  [[nodiscard]] bool isOverread() const { return consumed_ > 64; }
  // Whether every bit was read, and no more.
  [[nodiscard]] bool isDone() const { return at_ == begin_ && consumed_ == 64; }
  // Whether at least that many symbols of 11 bits can be read between two refills from here.
  [[nodiscard]] bool isDeep() const { return at_ >= begin_ + sizeof(uint64_t); }

 private:
  void move(size_t bytes) {
    at_ -= bytes;
    consumed_ -= static_cast<unsigned>(8 * bytes);
    container_ = loadLittleEndian(at_);
  }

  const uint8_t* begin_ = nullptr;
  const uint8_t* at_ = nullptr;
  uint64_t container_ = 0;
  unsigned consumed_ = 0;
};

}  // namespace fixelf::zstd
