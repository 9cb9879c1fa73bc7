// What has to move so that a table can grow over the place behind it.
#pragma once

#include "patch/draft.hpp"

namespace fixelf {

struct Eviction {
  std::vector<const Piece*> pieces;
  uint64_t bytes = 0;  // of the pieces together
  uint64_t end = 0;    // file offset up to which the place is then free
  // The section header table, which nothing maps, has to move as well: Go's linker puts it right
  // behind the program headers (cmd/link/internal/ld/elf.go, asmbElf).
  bool sectionHeaders = false;
};

// None if anything but pieces and section headers may lie between `from` and `to` (file offsets),
// or if no single segment maps both ends.
std::optional<Eviction> evict(const Draft& draft, uint64_t from, uint64_t to);

}  // namespace fixelf
