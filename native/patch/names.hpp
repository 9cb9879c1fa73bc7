// The dynamic string table and who refers to it.
//
// Linkers share tails: the name "foo.so" may be the end of a RUNPATH "/opt/lib/foo.so", so a string
// may only be overwritten when no symbol, version or dynamic entry points anywhere into it. This is
// the bookkeeping that patchelf lacks when it overwrites an old RUNPATH.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

class DynamicNames {
 public:
  // Reads the table. References of `ignoredTags` do not count: they are about to be replaced.
  static Result<DynamicNames> read(const Source& source, const Image& image,
                                   const std::vector<SectionHeader>& sections,
                                   const std::vector<int64_t>& ignoredTags);

  [[nodiscard]] const StringTable& table() const { return table_; }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }

  // The index of a string that already stands in the table, be it as another one's tail.
  [[nodiscard]] std::optional<uint64_t> find(const std::string& text) const;
  // The index of a run of bytes that nothing refers to and in which the string and its NUL fit.
  [[nodiscard]] std::optional<uint64_t> room(const std::string& text) const;
  // How much of the table is worth copying: all up to the last byte that something refers to.
  [[nodiscard]] uint64_t liveSize() const;

 private:
  Status markReferences(const Source& source, const Image& image,
                        const std::vector<SectionHeader>& sections,
                        const std::vector<int64_t>& ignoredTags);

  StringTable table_;
  std::vector<uint8_t> bytes_;
  std::vector<bool> live_;
  // False where the number of dynamic symbols cannot be known: then every byte counts as used.
  bool complete_ = false;
};

// The number of dynamic symbols, which no field states: from the hash tables, else the sections.
std::optional<uint64_t> dynamicSymbolCount(const Source& source, const Image& image,
                                           const std::vector<SectionHeader>& sections);

}  // namespace fixelf
