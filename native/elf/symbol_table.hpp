// The dynamic symbols of one file in memory, as loaders look them up: what it defines, by its hash
// table, and what its relocations refer to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "elf/image.hpp"
#include "elf/symbols.hpp"
#include "elf/versions.hpp"

namespace fixelf {

// A name with its hash in DT_GNU_HASH.
struct HashedName {
  explicit HashedName(std::string_view name) : text(name), gnu(gnuHash(name)) {}

  std::string_view text;
  uint32_t gnu;
};

// What relocations need from one symbol; bits of Reference::uses.
enum ReferenceUse : uint8_t {
  kAddress = 1,       // its address, wherever that is
  kDefinition = 2,    // a function's or thread-local variable's: an undefined entry does not count
  kCopy = 4,          // its content, from a file other than the program
  kLazyFunction = 8,  // a function's, which a loader may look up when it is called
  kFixedPlace = 16    // a thread-local variable's, in a block that has been laid out at start
};

struct Reference {
  uint32_t symbol = 0;
  uint8_t uses = 0;
};

// The type of a relocation that a loader does not know, for each way to apply them; none if it
// knows all.
struct UnknownRelocations {
  std::optional<uint64_t> atOnce;  // glibc's, when it binds functions at start
  std::optional<uint64_t> lazily;  // glibc's, when it binds functions that are called
  std::optional<uint64_t> byMusl;
};

class SymbolTable {
 public:
  // Bytes of one file's tables together.
  static constexpr uint64_t kMostBytes = 256U << 20;

  // Fails if the tables are not in the file, or exceed that size: there is then no telling what a
  // loader finds in them.
  static Result<SymbolTable> read(const Source& source, const Image& image);

  [[nodiscard]] SymbolEntry symbol(uint32_t index) const;
  // None if it does not end inside the string table.
  [[nodiscard]] std::optional<std::string_view> name(const SymbolEntry& symbol) const;
  // What relocations refer to, each symbol once, in symbol order. Empty for machines whose
  // relocations are not known here.
  [[nodiscard]] std::span<const Reference> references() const { return references_; }

  // How much is held.
  [[nodiscard]] uint64_t bytes() const { return kMostBytes - left_; }

  // Why a loader fails at its relocations or its hash table, as a sentence without the path.
  [[nodiscard]] const std::optional<std::string>& damage() const { return damage_; }
  [[nodiscard]] const UnknownRelocations& unknown() const { return unknown_; }

  // Whether symbols have versions: DT_VERSYM, with records that define its numbers.
  [[nodiscard]] bool versioned() const { return !versions_.empty() && !versionNumbers_.empty(); }
  // The number in DT_VERSYM, including the bit that hides it.
  [[nodiscard]] uint16_t versionNumber(uint32_t index) const;
  // None if the number means no version.
  [[nodiscard]] const NumberedVersion* version(uint16_t number) const;

  // Whether a program may look up an indirect function (STT_GNU_IFUNC) in it.
  [[nodiscard]] bool definesIndirect() const;

  // Calls visit(index) for symbols that may have this name, in a loader's order, until it returns
  // true. Counts its steps down from `budget`, and stops at 0.
  template <class Visit>
  bool visitNamed(const HashedName& name, uint64_t& budget, Visit visit) const {
    if (gnuHash_.empty()) return visitSystemV(name, budget, visit);
    const auto bits = static_cast<uint32_t>(codec_.wordSize() * 8);
    const uint64_t index = (name.gnu / bits) & (bloomWords_ - 1);
    const uint64_t word = codec_.word(&bloom()[index * codec_.wordSize()]);
    if ((word >> (name.gnu % bits) & word >> ((name.gnu >> bloomShift_) % bits) & 1U) == 0)
      return false;
    uint32_t at = codec_.u32(&buckets()[uint64_t{name.gnu % bucketCount_} * 4]);
    if (at == 0) return false;
    for (; at >= firstHashed_ && at < hashedEnd_ && budget > 0; ++at, --budget) {
      const uint32_t hash = codec_.u32(&chains()[uint64_t{at - firstHashed_} * 4]);
      if (((hash ^ name.gnu) >> 1U) == 0 && visit(at)) return true;
      if ((hash & 1U) != 0) break;
    }
    return false;
  }

 private:
  template <class Visit>
  bool visitSystemV(const HashedName& name, uint64_t& budget, Visit visit) const {
    if (bucketCount_ == 0) return false;
    uint64_t at = hashWord(2 + systemVHash(name.text) % bucketCount_);
    for (; at != STN_UNDEF && at < hashedEnd_ && budget > 0; --budget) {
      if (visit(static_cast<uint32_t>(at))) return true;
      at = hashWord(2 + bucketCount_ + at);
    }
    return false;
  }

  explicit SymbolTable(const Image& image) : codec_(image.codec) {}
  Status readHash(const Source& source, const Image& image);
  Status readReferences(const Source& source, const Image& image, std::vector<uint8_t>& uses);
  Result<std::vector<uint8_t>> table(const Source& source, uint64_t offset, uint64_t size);

  [[nodiscard]] uint64_t hashWord(uint64_t index) const {
    const uint8_t* at = &systemVHash_[index * hashWordSize_];
    return hashWordSize_ == 8 ? codec_.u64(at) : codec_.u32(at);
  }
  // The parts of DT_GNU_HASH behind its head.
  [[nodiscard]] const uint8_t* bloom() const { return gnuHash_.data(); }
  [[nodiscard]] const uint8_t* buckets() const {
    return bloom() + uint64_t{bloomWords_} * codec_.wordSize();
  }
  [[nodiscard]] const uint8_t* chains() const { return buckets() + uint64_t{bucketCount_} * 4; }

  Codec codec_;
  std::optional<std::string> damage_;
  UnknownRelocations unknown_;
  uint64_t left_ = kMostBytes;
  uint32_t count_ = 0;      // symbols held
  uint32_t hashedEnd_ = 0;  // one past the last that the hash table leads to
  uint32_t bucketCount_ = 0;
  uint32_t firstHashed_ = 0;
  uint32_t bloomWords_ = 0;
  uint32_t bloomShift_ = 0;
  size_t hashWordSize_ = 4;
  std::vector<uint8_t> gnuHash_;
  std::vector<uint8_t> systemVHash_;
  std::vector<uint8_t> symbols_;
  std::vector<uint8_t> strings_;
  std::vector<uint8_t> versionNumbers_;
  std::vector<NumberedVersion> versions_;
  std::vector<Reference> references_;
};

}  // namespace fixelf
