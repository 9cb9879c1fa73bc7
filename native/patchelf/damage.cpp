#include "patchelf/damage.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "elf/image.hpp"

namespace fixelf::patchelf {

namespace {

// No table of an ordinary file is larger, and a warning is not worth reading a larger one.
constexpr uint64_t kMostBytes = 64U << 10;

using Sections = std::vector<SectionHeader>;

std::optional<std::string> ofNames(const Source& source, const Image& image,
                                   const Sections& sections) {
  const uint32_t index = sectionNameIndex(image.header, sections);
  if (index == SHN_UNDEF)
    return image.header.sectionNameIndex == SHN_UNDEF
               ? std::nullopt
               : std::optional("string table index out of bounds: e_shstrndx");
  const SectionHeader& names = sections[index];
  if (names.size == 0) return "string table size is zero: that of the sections' names";
  if (!inside(names.offset, names.size, source.size()))
    return "data region extends past file end: the names of sections";
  std::array<uint8_t, 1> last{};
  if (!source.read(names.offset + names.size - 1, last)) return std::nullopt;
  if (last[0] != 0) return "string table is not zero terminated: that of the sections' names";
  const bool named = std::all_of(sections.begin(), sections.end(),
                                 [&](const auto& each) { return each.name < names.size; });
  if (!named) return "section name offset out of bounds";
  return std::nullopt;
}

std::optional<std::string> ofDynamicTable(const Source& source, const Image& image,
                                          const Sections& sections) {
  const auto dynamic = std::find_if(sections.begin(), sections.end(),
                                    [](const auto& each) { return each.type == SHT_DYNAMIC; });
  if (dynamic == sections.end()) return std::nullopt;
  if (dynamic->offset > source.size()) return "data offset extends past file end: .dynamic";
  if (dynamic->offset % image.codec.wordSize() != 0)
    return "section content is not naturally aligned: .dynamic";
  return std::nullopt;
}

// A symbol of such a section keeps the section's number, as all symbols do here.
std::optional<std::string> ofUnnamed(const Source& source, const Image& image,
                                     const Sections& sections) {
  const bool hasSymbols = std::any_of(sections.begin(), sections.end(),
                                      [](const auto& each) { return each.type == SHT_SYMTAB; });
  const uint32_t names = sectionNameIndex(image.header, sections);
  if (!hasSymbols || names == SHN_UNDEF) return std::nullopt;
  for (size_t index = 1; index < sections.size(); ++index) {
    const uint64_t offset = sections[names].offset;
    std::array<uint8_t, 1> first{};
    const bool isRead = sections[index].type != SHT_NULL &&
                        sections[index].name < sections[names].size &&
                        inside(offset, sections[names].size, source.size()) &&
                        source.read(offset + sections[index].name, first);
    if (isRead && first[0] == 0)
      return "a symbol in section " + std::to_string(index) + " refers to an unnamed section";
  }
  return std::nullopt;
}

// glibc looks nothing up in a table without buckets (elf/dl-lookup.c, do_lookup_x).
std::optional<std::string> ofHashTable(const Source& source, const Image& image) {
  const auto address = image.dynamicValue(DT_GNU_HASH);
  const auto offset = address ? image.fileOffset(*address) : std::nullopt;
  std::array<uint8_t, 4> buckets{};
  if (!offset || !source.read(*offset, buckets) || image.codec.u32(buckets.data()) != 0)
    return std::nullopt;
  return ".gnu.hash table header out of range: it has no buckets";
}

}  // namespace

std::vector<std::string> damageOf(const Source& source, const Request& request) {
  const auto image = Image::read(source);
  if (!image || image->header.sectionHeaderOffset == 0) return {};
  if (image->header.sectionHeaderSize != image->codec.sectionHeaderSize())
    return {"section headers have wrong size"};
  if (uint64_t{image->header.sectionHeaderCount} * image->header.sectionHeaderSize > kMostBytes)
    return {};
  const auto sections = readSectionHeaders(source, *image);
  if (!sections || sections->empty()) return {};
  std::vector<std::string> found;
  const auto add = [&](std::optional<std::string> damage) {
    if (damage) found.push_back(std::move(*damage));
  };
  add(ofNames(source, *image, *sections));
  add(ofDynamicTable(source, *image, *sections));
  if (asksForChange(request.changes)) add(ofUnnamed(source, *image, *sections));
  if (!request.changes.renameDynamicSymbols.empty()) add(ofHashTable(source, *image));
  return found;
}

}  // namespace fixelf::patchelf
