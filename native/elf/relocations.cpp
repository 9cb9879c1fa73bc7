#include "elf/relocations.hpp"

#include <algorithm>

namespace fixelf {

Result<std::vector<RelocationTable>> relocationTables(const Source& source, const Image& image) {
  const auto refused = [](const char* why) { return Error{ErrorCode::Unsupported, why, {}, 0}; };
  const size_t word = image.codec.wordSize();
  const bool jumpsAreRela = image.dynamicValue(DT_PLTREL).value_or(DT_REL) == DT_RELA;
  struct {
    int64_t address;
    int64_t size;
    size_t entry;
  } const kinds[] = {{DT_REL, DT_RELSZ, 2 * word},
                     {DT_RELA, DT_RELASZ, 3 * word},
                     {DT_JMPREL, DT_PLTRELSZ, (jumpsAreRela ? 3 : 2) * word}};
  std::vector<RelocationTable> tables;
  for (const auto& [addressTag, sizeTag, entry] : kinds) {
    const auto address = image.dynamicValue(addressTag);
    const uint64_t size = image.dynamicValue(sizeTag).value_or(0);
    if (!address || size == 0) continue;
    const auto offset = image.fileOffset(*address);
    if (!offset || !inside(*offset, size, source.size()))
      return refused("a relocation table is not in the file");
    tables.push_back({*offset, size, entry});
  }
  // The larger first if two begin at the same place.
  std::sort(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.size > b.size;
  });
  std::vector<RelocationTable> distinct;
  for (const RelocationTable& table : tables) {
    const uint64_t covered = distinct.empty() ? 0 : distinct.back().offset + distinct.back().size;
    if (table.offset >= covered)
      distinct.push_back(table);
    else if (table.offset + table.size > covered)
      return refused("relocation tables overlap");
  }
  return distinct;
}

std::optional<RelocationTable> jumpRelocations(const Image& image) {
  const auto address = image.dynamicValue(DT_JMPREL);
  const auto offset = address ? image.fileOffset(*address) : std::nullopt;
  if (!offset) return std::nullopt;
  const bool rela = image.dynamicValue(DT_PLTREL).value_or(DT_REL) == DT_RELA;
  return RelocationTable{*offset, image.dynamicValue(DT_PLTRELSZ).value_or(0),
                         (rela ? 3 : 2) * image.codec.wordSize()};
}

uint64_t relocationSymbol(const Codec& codec, std::span<const uint8_t> entry) {
  const uint64_t info = codec.word(&entry[codec.wordSize()]);
  return codec.wide() ? info >> 32U : info >> 8U;
}

uint64_t relocationType(const Codec& codec, std::span<const uint8_t> entry) {
  const uint64_t info = codec.word(&entry[codec.wordSize()]);
  return codec.wide() ? info & 0xffffffffU : info & 0xffU;
}

void putRelocationSymbol(const Codec& codec, std::span<uint8_t> entry, uint64_t symbol) {
  uint8_t* field = &entry[codec.wordSize()];
  const uint64_t info = codec.word(field);
  codec.putWord(field, codec.wide() ? (symbol << 32U) | (info & 0xffffffffU)
                                    : (symbol << 8U) | (info & 0xffU));
}

std::optional<uint64_t> relocatedSymbolCount(const Source& source, const Image& image) {
  if (image.header.machine == EM_MIPS) return std::nullopt;
  const auto tables = relocationTables(source, image);
  if (!tables) return std::nullopt;
  uint64_t count = 1;  // STN_UNDEF
  for (const RelocationTable& table : *tables) {
    auto bytes = source.bytes(table.offset, table.size, kMostRelocationBytes);
    if (!bytes) return std::nullopt;
    for (size_t at = 0; at + table.entrySize <= bytes->size(); at += table.entrySize) {
      const auto entry = std::span<const uint8_t>(*bytes).subspan(at, table.entrySize);
      count = std::max(count, relocationSymbol(image.codec, entry) + 1);
    }
  }
  return count;
}

}  // namespace fixelf
