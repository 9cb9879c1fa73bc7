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

// The end of the table with that many more entries.
uint64_t endWith(const Draft& draft, size_t entries) {
  return draft.image.header.programHeaderOffset +
         (draft.segments.size() + entries) * draft.codec().programHeaderSize();
}

bool holds(const Piece& piece, const SectionHeader& section) {
  return section.allocated() && section.type != SHT_NOBITS && section.size > 0 &&
         section.offset >= piece.offset && section.offset < piece.end();
}

// How many note sections have no segment of their own.
size_t sharedNotes(const Draft& draft) {
  size_t shared = 0;
  for (const ProgramHeader& segment : draft.segments) {
    if (segment.type != PT_NOTE) continue;
    const Piece piece{PieceKind::Description, segment.offset, segment.fileSize};
    const auto notes =
        static_cast<size_t>(std::count_if(draft.sections.begin(), draft.sections.end(),
                                          [&](const auto& each) { return holds(piece, each); }));
    shared += notes - std::min<size_t>(notes, 1);
  }
  return shared;
}

}  // namespace

std::optional<Eviction> evictedByHeaders(const Draft& draft, size_t entries) {
  const uint64_t from = endWith(draft, 0);
  const uint64_t to = endWith(draft, entries - unusedEntries(draft, entries));
  return to == from ? Eviction() : evict(draft, from, to);
}

std::vector<const Piece*> inTheWayOfPatchelf(const Draft& draft, size_t entries) {
  constexpr uint64_t kMost = 16U << 10;
  if (draft.header.type != ET_DYN || draft.sections.empty()) return {};
  const size_t added = entries - unusedEntries(draft, entries);
  const auto leaves = [&](const SectionHeader& section) {
    return std::any_of(draft.parts.begin(), draft.parts.end(),
                       [&](const Part& part) { return part.moves && holds(part.piece, section); });
  };
  const auto notes =
      static_cast<size_t>(std::count_if(draft.newSections.begin(), draft.newSections.end(),
                                        [](const auto& each) { return each.type == SHT_NOTE; }));
  const uint64_t looked = endWith(draft, added + 1 + notes);
  size_t first = 1;  // that patchelf does not move away itself
  bool movesNote = false;
  for (; first < draft.sections.size(); ++first) {
    const SectionHeader& section = draft.sections[first];
    if (section.offset > looked || leaves(section)) break;
    movesNote = movesNote || section.type == SHT_NOTE;
  }
  // If it stops there, nothing of ours is the reason.
  if (added == 0 && (first >= draft.sections.size() || !leaves(draft.sections[first]))) return {};
  // An entry for its segment, and if it moves a note, one for each note that has none of its own.
  const uint64_t end = endWith(draft, added + 1 + (movesNote ? sharedNotes(draft) : 0));
  auto eviction = evict(draft, endWith(draft, 0), end);
  if (!eviction || eviction->bytes > kMost) return {};
  std::erase_if(eviction->pieces, [&](const Piece* piece) {
    return std::any_of(draft.sections.begin() + 1,
                       draft.sections.begin() + static_cast<ptrdiff_t>(first),
                       [&](const SectionHeader& section) { return holds(*piece, section); });
  });
  return std::move(eviction->pieces);
}

}  // namespace fixelf
