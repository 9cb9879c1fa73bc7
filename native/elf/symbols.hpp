// Symbol tables: the length of the dynamic one, which no field holds, and what their entries
// contain.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

// More than any file has; a file that claims to have more is not edited where symbols matter.
constexpr uint64_t kMostDynamicSymbols = 16U << 20;

// gABI chapter 5, "Hash Table"; symbol versions are hashed the same way.
uint32_t systemVHash(std::string_view name);
// glibc elf/dl-new-hash.h.
uint32_t gnuHash(std::string_view name);

// DT_HASH: its words are 32 bits wide except on 64-bit s390 and Alpha (<elf.h>: Elf_Symndx;
// binutils bfd/elf64-s390.c sets hash entries of 8 bytes).
struct SystemVHashHead {
  uint64_t offset = 0;
  size_t wordSize = 4;
  uint64_t bucketCount = 0;
  uint64_t chainCount = 0;  // equals the number of symbols (gABI chapter 5, "Hash Table")

  [[nodiscard]] uint64_t size() const { return (2 + bucketCount + chainCount) * wordSize; }
  static std::optional<SystemVHashHead> read(const Source& source, const Image& image);
};

// DT_GNU_HASH: a head of four words, a Bloom filter, buckets, and one word for each hashed symbol.
struct GnuHashHead {
  uint64_t offset = 0;
  uint32_t bucketCount = 0;
  uint32_t firstHashed = 0;  // earlier symbols, the undefined ones, are not hashed
  uint32_t bloomWords = 0;
  uint32_t bloomShift = 0;
  // One past the last hashed symbol; `firstHashed` if none is hashed (firstHashed itself then means
  // nothing: GNU ld writes 1 there, however many undefined symbols there are).
  uint64_t hashedEnd = 0;

  [[nodiscard]] uint64_t bucketsOffset(const Codec& codec) const {
    return offset + 16 + uint64_t{bloomWords} * codec.wordSize();
  }
  [[nodiscard]] uint64_t chainsOffset(const Codec& codec) const {
    return bucketsOffset(codec) + uint64_t{bucketCount} * 4;
  }
  [[nodiscard]] bool empty() const { return hashedEnd == firstHashed; }
  [[nodiscard]] uint64_t end(const Codec& codec) const {
    return chainsOffset(codec) + (hashedEnd - firstHashed) * 4;
  }
  // None if there is no such table, or if its chains don't end.
  static std::optional<GnuHashHead> read(const Source& source, const Image& image);
};

// The number of dynamic symbols, from the hash tables or, without them, the sections; none if
// neither has it.
std::optional<uint64_t> dynamicSymbolCount(const Source& source, const Image& image,
                                           const std::vector<SectionHeader>& sections);

// The fields of one entry that edits need; <elf.h> Elf32_Sym and Elf64_Sym order them differently.
struct SymbolEntry {
  uint32_t name = 0;     // index into the dynamic string table; the first field in both classes
  uint8_t info = 0;      // binding and type
  uint8_t other = 0;     // visibility
  uint16_t section = 0;  // SHN_UNDEF: defined elsewhere
  uint64_t value = 0;
  uint64_t size = 0;

  // Where `section` and `value` are in an entry.
  static size_t sectionPosition(const Codec& codec) { return codec.wide() ? 6 : 14; }
  static size_t valuePosition(const Codec& codec) { return codec.wide() ? 8 : 4; }
  static SymbolEntry decode(const Codec& codec, std::span<const uint8_t> bytes) {
    const uint8_t* at = bytes.data();
    if (codec.wide())
      return {codec.u32(at),     at[4], at[5], codec.u16(at + 6), codec.u64(at + 8),
              codec.u64(at + 16)};
    return {codec.u32(at),     at[12],           at[13], codec.u16(at + 14),
            codec.u32(at + 4), codec.u32(at + 8)};
  }
};

}  // namespace fixelf
