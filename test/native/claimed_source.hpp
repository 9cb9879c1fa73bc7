#pragma once

#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// Counts what is read from it, and may claim to be longer than its bytes.
class Claimed final : public Source {
 public:
  Claimed(std::vector<uint8_t> bytes, uint64_t size) : bytes_(std::move(bytes)), size_(size) {}
  [[nodiscard]] uint64_t size() const override { return size_; }
  // The bytes that were read.
  mutable uint64_t read_ = 0;

 protected:
  Status readInside(uint64_t offset, std::span<uint8_t> out) const override {
    read_ += out.size();
    for (size_t index = 0; index < out.size(); ++index)
      out[index] = offset + index < bytes_.size() ? bytes_[static_cast<size_t>(offset) + index] : 1;
    return Done{};
  }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t size_;
};

}  // namespace fixelf
