// Which bytes of an ELF file its headers refer to: those that an edit may change. The rest is code
// and data, to which there may be invisible references.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "elf/source.hpp"

namespace fuzz {

class Referred {
 public:
  // For a file that can be read as ELF.
  explicit Referred(const fixelf::Source& source);

  [[nodiscard]] bool contains(uint64_t offset) const {
    return std::ranges::any_of(ranges_, [&](const Range& range) {
      return offset >= range.offset && offset - range.offset < range.size;
    });
  }

 private:
  struct Range {
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  void add(uint64_t offset, uint64_t size) { ranges_.push_back({offset, size}); }

  std::vector<Range> ranges_;
};

}  // namespace fuzz
