#include "elf/format.hpp"

#include <algorithm>
#include <cstring>

namespace fixelf {

FileHeader Codec::fileHeader(std::span<const uint8_t> bytes) const {
  const uint8_t* at = bytes.data();
  FileHeader header;
  header.fileClass = wide_ ? Class::Elf64 : Class::Elf32;
  header.byteOrder = order_;
  header.osAbi = at[EI_OSABI];
  header.abiVersion = at[EI_ABIVERSION];
  header.identPadded =
      std::any_of(at + EI_PAD, at + EI_NIDENT, [](uint8_t byte) { return byte != 0; });
  header.type = u16(at + 16);
  header.machine = u16(at + 18);
  header.version = u32(at + 20);
  const size_t w = wordSize();
  header.entry = word(at + 24);
  header.programHeaderOffset = word(at + 24 + w);
  header.sectionHeaderOffset = word(at + 24 + 2 * w);
  const uint8_t* rest = at + 24 + 3 * w;
  header.flags = u32(rest);
  header.headerSize = u16(rest + 4);
  header.programHeaderSize = u16(rest + 6);
  header.programHeaderCount = u16(rest + 8);
  header.sectionHeaderSize = u16(rest + 10);
  header.sectionHeaderCount = u16(rest + 12);
  header.sectionNameIndex = u16(rest + 14);
  return header;
}

void Codec::put(std::span<uint8_t> bytes, const FileHeader& header) const {
  uint8_t* at = bytes.data();
  const size_t w = wordSize();
  at[EI_OSABI] = header.osAbi;
  putWord(at + 24 + w, header.programHeaderOffset);
  putWord(at + 24 + 2 * w, header.sectionHeaderOffset);
  putU16(at + 24 + 3 * w + 8, header.programHeaderCount);
  putU16(at + 24 + 3 * w + 12, header.sectionHeaderCount);
}

ProgramHeader Codec::programHeader(std::span<const uint8_t> bytes) const {
  const uint8_t* at = bytes.data();
  if (wide_) {
    return {u32(at),      u32(at + 4),  u64(at + 8),  u64(at + 16),
            u64(at + 24), u64(at + 32), u64(at + 40), u64(at + 48)};
  }
  return {u32(at),      u32(at + 24), u32(at + 4),  u32(at + 8),
          u32(at + 12), u32(at + 16), u32(at + 20), u32(at + 28)};
}

void Codec::put(std::span<uint8_t> bytes, const ProgramHeader& header) const {
  uint8_t* at = bytes.data();
  putU32(at, header.type);
  putU32(at + (wide_ ? 4 : 24), header.flags);
  uint8_t* words = at + (wide_ ? 8 : 4);
  const size_t w = wordSize();
  putWord(words, header.offset);
  putWord(words + w, header.virtualAddress);
  putWord(words + 2 * w, header.physicalAddress);
  putWord(words + 3 * w, header.fileSize);
  putWord(words + 4 * w, header.memorySize);
  putWord(at + (wide_ ? 48 : 28), header.alignment);
}

SectionHeader Codec::sectionHeader(std::span<const uint8_t> bytes) const {
  const uint8_t* at = bytes.data();
  const size_t w = wordSize();
  const uint8_t* rest = at + 8 + 4 * w;
  return {u32(at),           u32(at + 4),          word(at + 8),
          word(at + 8 + w),  word(at + 8 + 2 * w), word(at + 8 + 3 * w),
          u32(rest),         u32(rest + 4),        word(rest + 8),
          word(rest + 8 + w)};
}

void Codec::put(std::span<uint8_t> bytes, const SectionHeader& header) const {
  uint8_t* at = bytes.data();
  const size_t w = wordSize();
  putU32(at, header.name);
  putU32(at + 4, header.type);
  putWord(at + 8, header.flags);
  putWord(at + 8 + w, header.address);
  putWord(at + 8 + 2 * w, header.offset);
  putWord(at + 8 + 3 * w, header.size);
  uint8_t* rest = at + 8 + 4 * w;
  putU32(rest, header.link);
  putU32(rest + 4, header.info);
  putWord(rest + 8, header.alignment);
  putWord(rest + 8 + w, header.entrySize);
}

DynamicEntry Codec::dynamicEntry(std::span<const uint8_t> bytes) const {
  const uint8_t* at = bytes.data();
  // d_tag is signed: the processor-specific tags of ELF32 must compare equal to those of ELF64.
  if (wide_) return {static_cast<int64_t>(u64(at)), u64(at + 8)};
  return {static_cast<int32_t>(u32(at)), u32(at + 4)};
}

void Codec::put(std::span<uint8_t> bytes, const DynamicEntry& entry) const {
  putWord(bytes.data(), static_cast<uint64_t>(entry.tag));
  putWord(bytes.data() + wordSize(), entry.value);
}

}  // namespace fixelf
