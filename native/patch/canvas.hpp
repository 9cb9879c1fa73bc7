// The bytes of a file as they are to be: what is put later covers what was put before.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

class Canvas {
 public:
  void put(uint64_t offset, std::vector<uint8_t> bytes);
  void putZeros(uint64_t offset, uint64_t size);

  // The parts that differ from the source; those that are close together become one range.
  Result<std::vector<ByteRange>> differences(const Source& source) &&;

 private:
  // By offset; disjoint.
  std::map<uint64_t, std::vector<uint8_t>> runs_;
};

}  // namespace fixelf
