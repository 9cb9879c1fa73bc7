// The digest by which a changed file is recognised as a whole: XXH3-64 of its content.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.hpp"

namespace fixelf {

class Digest {
 public:
  Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest();
  void add(std::span<const uint8_t> bytes);
  [[nodiscard]] uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of a whole open file.
Result<uint64_t> digestOf(int descriptor, uint64_t size, const std::string& path);

}  // namespace fixelf
