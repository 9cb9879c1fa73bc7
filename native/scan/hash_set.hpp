// The hashes of known store paths: 32 characters of Nix's base-32 alphabet each.
//
// Every place in a file with 32 such characters in a row is looked up, and hardly any of them is
// known. So a filter of single bits, which for a store of usual size fits into the processor's
// nearest cache, rejects nearly all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fixelf {

class HashSet {
 public:
  static constexpr size_t kLength = 32;

  HashSet() = default;
  // Hashes one after another; a remainder that is not a whole hash is ignored.
  explicit HashSet(std::string_view hashes);

  [[nodiscard]] bool empty() const { return sorted_.empty(); }
  // Whether the 32 bytes at `bytes` are one of them.
  [[nodiscard]] bool contains(const uint8_t* bytes) const;

 private:
  [[nodiscard]] size_t filterBit(const uint8_t* bytes) const;

  std::vector<std::string> sorted_;
  std::vector<uint64_t> filter_;
  unsigned filterShift_ = 0;
};

}  // namespace fixelf
