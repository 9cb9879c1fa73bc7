// What a target receives: one file, or several parts, each with a role.
//
// An input that begins with "PART" is a sequence of parts: a role (one byte), a length (four bytes,
// little-endian), that many bytes. Any other is one part with role 0, so that ELF files serve as
// seeds as they are. All bytes are valid input: a length that exceeds the input is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fuzz {

using Bytes = std::vector<uint8_t>;

struct Part {
  uint8_t role = 0;
  Bytes bytes;
};

// At least one.
std::vector<Part> partsOf(std::span<const uint8_t> input);
Bytes joined(const std::vector<Part>& parts);

// The bytes of the first part with a role; empty if there is none.
std::span<const uint8_t> partOf(const std::vector<Part>& parts, uint8_t role);

// Decisions taken from bytes, one after another; zeros once they are used up.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  uint8_t byte();
  uint64_t number(size_t width);
  // A name that means something to a loader, or the next bytes as they are.
  std::string text();

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace fuzz
