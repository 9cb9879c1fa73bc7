#include "patch/bss_growers.hpp"

#include <algorithm>
#include <string_view>

namespace fixelf {

namespace {

bool holds(const Source& source, uint64_t offset, std::string_view wanted) {
  const auto bytes = source.bytes(offset, wanted.size(), wanted.size());
  return bytes && std::ranges::equal(*bytes, wanted, {},
                                     [](uint8_t byte) { return static_cast<char>(byte); });
}

}  // namespace

bool isBun(const Draft& draft) {
  constexpr std::string_view kName(".bun\0", 5);
  constexpr std::string_view kNothing("\0\0\0\0\0\0\0\0", 8);  // the size of what it has packed
  const uint32_t index = sectionNameIndex(draft.header, draft.sections);
  if (index == SHN_UNDEF) return false;
  const SectionHeader& names = draft.sections[index];
  return std::ranges::any_of(draft.sections, [&](const SectionHeader& section) {
    return section.allocated() && section.type != SHT_NOBITS && section.size >= kNothing.size() &&
           section.name < names.size && names.offset <= UINT64_MAX - section.name &&
           holds(draft.source(), names.offset + section.name, kName) &&
           holds(draft.source(), section.offset, kNothing);
  });
}

bool growsByLief(const Draft& draft) {
  const Image& image = draft.image;
  const bool looks = image.header.type == ET_EXEC &&
                     (image.segment(PT_PHDR) != nullptr || image.segment(PT_INTERP) != nullptr);
  if (!looks) return false;
  const size_t entries = draft.segments.size() + draft.newSegments.size();
  const uint64_t enough = 2 * entries * image.codec.programHeaderSize();
  const ProgramHeader* before = nullptr;
  bool growsBss = false;
  for (const ProgramHeader& segment : draft.segments) {
    if (segment.type != PT_LOAD) continue;
    const bool room = before != nullptr && before->fileSize == before->memorySize &&
                      before->fileEnd() <= segment.offset &&
                      segment.offset - before->fileEnd() >= enough;
    if (room) return false;
    growsBss = growsBss || segment.fileSize < segment.memorySize;
    before = &segment;
  }
  return growsBss;
}

}  // namespace fixelf
