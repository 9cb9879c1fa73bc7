#include "patch/header_table.hpp"

#include <algorithm>

#include "patch/pointers.hpp"

namespace fixelf {

namespace {

bool mayMoveAway(PieceKind kind) {
  return kind != PieceKind::DynamicTable && kind != PieceKind::ProgramHeaders;
}

// Whether nothing accounts for a range behind the program header table. Zeros alone prove nothing:
// a symbol table begins with an entry of zeros.
bool gapIsFree(const Draft& draft, uint64_t from, uint64_t to) {
  if (draft.sections.empty() || !allZero(draft.source(), from, to)) return false;
  for (const SectionHeader& section : draft.sections) {
    const bool occupies = section.type != SHT_NULL && section.type != SHT_NOBITS;
    if (occupies && section.size > 0 && section.offset < to &&
        section.offset + section.size > from) {
      return false;
    }
  }
  const auto first = draft.image.virtualAddress(from);
  return first && std::none_of(draft.dynamic.begin(), draft.dynamic.end(), [&](const auto& each) {
           return isAddressTag(each.entry.tag, draft.header.machine) &&
                  each.entry.value >= *first && each.entry.value - *first < to - from;
         });
}

}  // namespace

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

std::optional<HeaderRoom> makeHeaderRoom(const Draft& draft, size_t entries) {
  HeaderRoom room;
  room.unused = std::min<size_t>(
      entries, static_cast<size_t>(std::count_if(
                   draft.segments.begin(), draft.segments.end(),
                   [](const ProgramHeader& segment) { return segment.type == PT_NULL; })));
  const size_t size = draft.codec().programHeaderSize();
  const uint64_t tableOffset = draft.image.header.programHeaderOffset;
  const uint64_t from = tableOffset + draft.segments.size() * size;
  const uint64_t to = from + (entries - room.unused) * size;
  if (to == from) return room;
  const bool mapped =
      std::any_of(draft.segments.begin(), draft.segments.end(), [&](const ProgramHeader& segment) {
        return segment.type == PT_LOAD && segment.offset <= tableOffset && to <= segment.fileEnd();
      });
  if (!mapped) return std::nullopt;
  uint64_t covered = from;
  for (const Piece& piece : draft.pieces) {
    if (piece.end() <= from || piece.offset >= to) continue;
    if (!mayMoveAway(piece.kind)) return std::nullopt;
    // Between two pieces only the few zeros that align the second may stand.
    if (piece.offset < covered || piece.offset - covered >= 16 ||
        !allZero(draft.source(), covered, piece.offset)) {
      return std::nullopt;
    }
    covered = piece.end();
    room.evicted.push_back(&piece);
    room.evictedBytes += piece.size;
  }
  if (covered < to && !gapIsFree(draft, covered, to)) return std::nullopt;
  return room;
}

}  // namespace fixelf
