#include "elf/imports.hpp"

#include <algorithm>

#include "elf/symbols.hpp"

namespace fixelf {

namespace {

// Far more than a table has for one name: linkers store each once, and share the tails of longer
// ones.
constexpr size_t kMostPlaces = 4096;

// Where in a string table one of the names ends with a NUL, sorted. One pass over the table,
// instead of a read for each symbol: a file can have millions.
Result<std::vector<uint64_t>> placesOf(const Source& source, const StringTable& strings,
                                       std::span<const std::string_view> names) {
  std::vector<uint64_t> places;
  std::string window;  // the end of the previous run, and this run
  uint64_t start = 0;  // of the window, in the table
  size_t carried = 0;
  for (const std::string_view name : names)
    carried = std::max(carried, name.size());
  const auto look = [&](std::span<const uint8_t> run, uint64_t) {
    const size_t old = std::min(window.size(), carried);
    start += window.size() - old;
    window.erase(0, window.size() - old);
    std::ranges::transform(run, std::back_inserter(window),
                           [](uint8_t byte) { return static_cast<char>(byte); });
    for (const std::string_view name : names) {
      const std::string ended = std::string(name) + '\0';
      // A match entirely within the end of the previous run was found there.
      size_t at = old < ended.size() ? 0 : old - ended.size() + 1;
      for (; (at = window.find(ended, at)) != std::string::npos; ++at) {
        if (places.size() < kMostPlaces) places.push_back(start + at);
      }
    }
  };
  if (Status status = source.visit(strings.offset, strings.size, 1, look); !status)
    return status.error();
  std::ranges::sort(places);
  return places;
}

}  // namespace

Result<bool> importsAny(const Source& source, std::span<const std::string_view> names) {
  const auto image = Image::read(source);
  if (!image) return image.error();
  const auto strings = StringTable::dynamicOf(*image);
  const auto address = image->dynamicValue(DT_SYMTAB);
  const auto offset = address ? image->fileOffset(*address) : std::nullopt;
  if (!strings || !offset) return false;
  const auto places = placesOf(source, *strings, names);
  if (!places) return places.error();
  if (places->empty()) return false;

  // Loaders don't use section headers: if they are missing or damaged, the hash tables will do.
  const auto sections = readSectionHeaders(source, *image);
  const auto count =
      dynamicSymbolCount(source, *image, sections ? *sections : std::vector<SectionHeader>{});
  if (!count) return false;
  const size_t size = image->codec.symbolSize();
  bool found = false;
  const Status visited =
      source.visit(*offset, *count, size, [&](std::span<const uint8_t> entries, uint64_t) {
        for (; !found && !entries.empty(); entries = entries.subspan(size)) {
          const SymbolEntry symbol = SymbolEntry::decode(image->codec, entries);
          found = symbol.section == SHN_UNDEF && std::ranges::binary_search(*places, symbol.name);
        }
      });
  if (!visited) return visited.error();
  return found;
}

}  // namespace fixelf
