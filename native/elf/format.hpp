// The on-disk records of the ELF specification, for both classes and both byte orders.
//
// A file's class and byte order are known only at run time, and most of what we do is the same for
// all four combinations. So records are decoded into one wide, host-order struct each (every
// address, offset and size is 64 bits) and encoded back; nothing else in the project knows how a
// field is stored. The layouts are those of the gABI, chapters 4 and 5, and of <elf.h>.
#pragma once

#include <elf.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace fixelf {

enum class Class : uint8_t { Elf32 = ELFCLASS32, Elf64 = ELFCLASS64 };
enum class ByteOrder : uint8_t { Little = ELFDATA2LSB, Big = ELFDATA2MSB };

struct FileHeader {
  Class fileClass = Class::Elf64;
  ByteOrder byteOrder = ByteOrder::Little;
  uint8_t osAbi = 0;
  uint8_t abiVersion = 0;
  bool identPadded = false;  // bytes of e_ident behind EI_ABIVERSION are not zero
  uint16_t type = 0;
  uint16_t machine = 0;
  uint32_t version = 0;
  uint64_t entry = 0;
  uint64_t programHeaderOffset = 0;
  uint64_t sectionHeaderOffset = 0;
  uint32_t flags = 0;
  uint16_t headerSize = 0;
  uint16_t programHeaderSize = 0;
  uint16_t programHeaderCount = 0;
  uint16_t sectionHeaderSize = 0;
  uint16_t sectionHeaderCount = 0;
  uint16_t sectionNameIndex = 0;
};

struct ProgramHeader {
  uint32_t type = PT_NULL;
  uint32_t flags = 0;
  uint64_t offset = 0;
  uint64_t virtualAddress = 0;
  uint64_t physicalAddress = 0;
  uint64_t fileSize = 0;
  uint64_t memorySize = 0;
  uint64_t alignment = 0;

  [[nodiscard]] uint64_t fileEnd() const { return offset + fileSize; }
  [[nodiscard]] uint64_t memoryEnd() const { return virtualAddress + memorySize; }
  bool operator==(const ProgramHeader&) const = default;
};

struct SectionHeader {
  uint32_t name = 0;
  uint32_t type = SHT_NULL;
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t link = 0;
  uint32_t info = 0;
  uint64_t alignment = 0;
  uint64_t entrySize = 0;

  [[nodiscard]] bool allocated() const { return (flags & SHF_ALLOC) != 0; }
  bool operator==(const SectionHeader&) const = default;
};

struct DynamicEntry {
  int64_t tag = DT_NULL;
  uint64_t value = 0;
  bool operator==(const DynamicEntry&) const = default;
};

// Reads and writes integers and records of one class and byte order. The caller has checked that
// the span is long enough: see the *Size members.
class Codec {
 public:
  Codec(Class fileClass, ByteOrder byteOrder)
      : wide_(fileClass == Class::Elf64), order_(byteOrder) {}

  [[nodiscard]] bool wide() const { return wide_; }
  [[nodiscard]] size_t wordSize() const { return wide_ ? 8 : 4; }
  [[nodiscard]] size_t fileHeaderSize() const { return wide_ ? 64 : 52; }
  [[nodiscard]] size_t programHeaderSize() const { return wide_ ? 56 : 32; }
  [[nodiscard]] size_t sectionHeaderSize() const { return wide_ ? 64 : 40; }
  [[nodiscard]] size_t dynamicEntrySize() const { return wide_ ? 16 : 8; }
  [[nodiscard]] size_t symbolSize() const { return wide_ ? 24 : 16; }

  // In the header, because tables have hundreds of thousands of fields.
  [[nodiscard]] uint16_t u16(const uint8_t* at) const { return load<uint16_t>(at); }
  [[nodiscard]] uint32_t u32(const uint8_t* at) const { return load<uint32_t>(at); }
  [[nodiscard]] uint64_t u64(const uint8_t* at) const { return load<uint64_t>(at); }
  [[nodiscard]] uint64_t word(const uint8_t* at) const { return wide_ ? u64(at) : u32(at); }
  void putU16(uint8_t* at, uint16_t value) const { store(at, value); }
  void putU32(uint8_t* at, uint32_t value) const { store(at, value); }
  void putU64(uint8_t* at, uint64_t value) const { store(at, value); }
  void putWord(uint8_t* at, uint64_t value) const {
    if (wide_) {
      putU64(at, value);
    } else {
      putU32(at, static_cast<uint32_t>(value));
    }
  }

  [[nodiscard]] FileHeader fileHeader(std::span<const uint8_t> bytes) const;
  [[nodiscard]] ProgramHeader programHeader(std::span<const uint8_t> bytes) const;
  [[nodiscard]] SectionHeader sectionHeader(std::span<const uint8_t> bytes) const;
  [[nodiscard]] DynamicEntry dynamicEntry(std::span<const uint8_t> bytes) const;
  // Writes only the OS ABI, the offsets and the counts, which an edit may change.
  void put(std::span<uint8_t> bytes, const FileHeader& header) const;
  void put(std::span<uint8_t> bytes, const ProgramHeader& header) const;
  void put(std::span<uint8_t> bytes, const SectionHeader& header) const;
  void put(std::span<uint8_t> bytes, const DynamicEntry& entry) const;

 private:
  static constexpr ByteOrder kHostOrder =
      std::endian::native == std::endian::little ? ByteOrder::Little : ByteOrder::Big;

  template <class Integer>
  static Integer swapped(Integer value) {
    if constexpr (sizeof(Integer) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(Integer) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(Integer) == 8) return __builtin_bswap64(value);
  }
  template <class Integer>
  [[nodiscard]] Integer load(const uint8_t* at) const {
    Integer value = 0;
    std::memcpy(&value, at, sizeof value);
    return order_ == kHostOrder ? value : swapped(value);
  }
  template <class Integer>
  void store(uint8_t* at, Integer value) const {
    if (order_ != kHostOrder) value = swapped(value);
    std::memcpy(at, &value, sizeof value);
  }

  bool wide_;
  ByteOrder order_;
};

// Whether [offset, offset + size) is inside [0, limit), without overflowing.
constexpr bool inside(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

// `value` rounded up to a multiple of `alignment`, a power of two; 0 and 1 mean none.
constexpr uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return alignment < 2 ? value : (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace fixelf
