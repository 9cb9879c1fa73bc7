// The relocations that the loader applies, as far as they refer to symbols by number.
#pragma once

#include <span>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

constexpr uint64_t kMostRelocationBytes = 512U << 20;

struct RelocationTable {
  uint64_t offset = 0;  // in the file
  uint64_t size = 0;
  size_t entrySize = 0;
};

// DT_REL, DT_RELA and DT_JMPREL, in file order; one that is inside another is left out. Fails with
// Unsupported if they overlap otherwise or are not in the file.
Result<std::vector<RelocationTable>> relocationTables(const Source& source, const Image& image);

// Where DT_JMPREL's entries are in the file; a loader may defer them until a function is called.
std::optional<RelocationTable> jumpRelocations(const Image& image);

// The symbol's number in an entry: above the type, which has 32 bits or 8 (gABI, "Relocation"). Not
// for 64-bit MIPS, which lays r_info out differently.
uint64_t relocationSymbol(const Codec& codec, std::span<const uint8_t> entry);
uint64_t relocationType(const Codec& codec, std::span<const uint8_t> entry);
void putRelocationSymbol(const Codec& codec, std::span<uint8_t> entry, uint64_t symbol);

// One more than the highest symbol number in a relocation; none if the relocations cannot be read.
std::optional<uint64_t> relocatedSymbolCount(const Source& source, const Image& image);

}  // namespace fixelf
