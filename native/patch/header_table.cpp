#include "patch/header_table.hpp"

#include <algorithm>

#include "patch/eviction.hpp"

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

std::optional<std::vector<const Piece*>> evictedByHeaders(const Draft& draft, size_t entries) {
  const size_t size = draft.codec().programHeaderSize();
  const uint64_t from = draft.image.header.programHeaderOffset + draft.segments.size() * size;
  const uint64_t to = from + (entries - unusedEntries(draft, entries)) * size;
  if (to == from) return std::vector<const Piece*>();
  auto eviction = evict(draft, from, to);
  if (!eviction) return std::nullopt;
  return std::move(eviction->pieces);
}

}  // namespace fixelf
