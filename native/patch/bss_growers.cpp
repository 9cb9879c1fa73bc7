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

bool hasBss(const ProgramHeader& segment) {
  return segment.type == PT_LOAD && segment.fileSize < segment.memorySize;
}

// Whether two consecutive segments have that much room between them in the file.
bool haveRoom(const std::vector<ProgramHeader>& segments, uint64_t enough) {
  const ProgramHeader* before = nullptr;
  for (const ProgramHeader& segment : segments) {
    if (segment.type != PT_LOAD) continue;
    if (before != nullptr && before->fileSize == before->memorySize &&
        before->fileEnd() <= segment.offset && segment.offset - before->fileEnd() >= enough) {
      return true;
    }
    before = &segment;
  }
  return false;
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

uint64_t roomForLief(const Codec& codec, size_t entries) {
  return 2 * entries * codec.programHeaderSize();
}

bool growsByLief(const Draft& draft, size_t more) {
  const Image& image = draft.image;
  const bool looks = image.header.type == ET_EXEC &&
                     (image.segment(PT_PHDR) != nullptr || image.segment(PT_INTERP) != nullptr);
  if (!looks) return false;
  const uint64_t enough =
      roomForLief(draft.codec(), draft.segments.size() + draft.newSegments.size() + more);
  return std::ranges::any_of(draft.segments, hasBss) && !haveRoom(draft.segments, enough) &&
         !haveRoom(draft.newSegments, enough);
}

}  // namespace fixelf
