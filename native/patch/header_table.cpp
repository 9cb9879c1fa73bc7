#include "patch/header_table.hpp"

#include <algorithm>

namespace fixelf {

uint64_t firstSegmentDelta(const Image& image) {
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type == PT_LOAD) return segment.virtualAddress - segment.offset;
  }
  return 0;
}

bool needsExactTableAddress(const Image& image) {
  return image.header.type == ET_EXEC || image.segment(PT_INTERP) != nullptr ||
         (image.dynamicValue(DT_FLAGS_1).value_or(0) & DF_1_PIE) != 0;
}

size_t unusedEntries(const Draft& draft, size_t most) {
  return std::min<size_t>(
      most, static_cast<size_t>(std::count_if(
                draft.segments.begin(), draft.segments.end(),
                [](const ProgramHeader& segment) { return segment.type == PT_NULL; })));
}

namespace {

// The end of the table with so many more entries.
uint64_t endWith(const Draft& draft, size_t entries) {
  return draft.image.header.programHeaderOffset +
         (draft.segments.size() + entries) * draft.codec().programHeaderSize();
}

}  // namespace

std::optional<Eviction> evictedByHeaders(const Draft& draft, size_t entries) {
  const uint64_t from = endWith(draft, 0);
  const uint64_t to = endWith(draft, entries - unusedEntries(draft, entries));
  return to == from ? Eviction() : evict(draft, from, to);
}

std::vector<const Piece*> inTheWayOfPatchelf(const Draft& draft, size_t entries) {
  constexpr uint64_t kMost = 16U << 10;
  const size_t added = entries - unusedEntries(draft, entries);
  if (added == 0 || draft.header.type != ET_DYN) return {};
  // One for its segment, and one for each section of notes, which may come to have a segment each.
  const auto notes = std::count_if(draft.newSections.begin(), draft.newSections.end(),
                                   [](const auto& each) { return each.type == SHT_NOTE; });
  const uint64_t end = endWith(draft, added + 1 + static_cast<size_t>(notes));
  auto eviction = evict(draft, endWith(draft, 0), end);
  if (!eviction || eviction->bytes > kMost) return {};
  return std::move(eviction->pieces);
}

}  // namespace fixelf
