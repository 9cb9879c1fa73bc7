// Which bytes of an ELF file its headers refer to: what an edit may change. Everything else is code
// and data, to which something may refer that nobody can see.
#pragma once

#include <cstdint>
#include <vector>

#include "elf/source.hpp"

namespace fuzz {

class Referred {
 public:
  // Of a file that can be read as ELF.
  explicit Referred(const fixelf::Source& source);

  [[nodiscard]] bool contains(uint64_t offset) const {
    return offset < bytes_.size() && bytes_[static_cast<size_t>(offset)];
  }

 private:
  void add(uint64_t offset, uint64_t size);

  std::vector<bool> bytes_;
};

}  // namespace fuzz
