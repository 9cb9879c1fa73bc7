#include "patch/eviction.hpp"

#include <algorithm>

#include "elf/extent.hpp"
#include "patch/pointers.hpp"

namespace fixelf {

namespace {

bool mayMoveAway(PieceKind kind) {
  return kind != PieceKind::DynamicTable && kind != PieceKind::ProgramHeaders;
}

// Whether nothing accounts for a range. Its bytes alone prove nothing: a symbol table begins with
// an entry of zeros.
bool gapIsFree(const Draft& draft, uint64_t from, uint64_t to) {
  if (draft.sections.empty() || !isVacated(draft.source(), from, to)) return false;
  for (const SectionHeader& section : draft.sections) {
    const bool occupies = section.type != SHT_NULL && section.type != SHT_NOBITS;
    const bool wraps = section.size > UINT64_MAX - section.offset;
    if (occupies && section.size > 0 && section.offset < to &&
        (wraps || section.offset + section.size > from)) {
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

std::optional<Eviction> evict(const Draft& draft, uint64_t from, uint64_t to) {
  const bool mapped =
      std::any_of(draft.segments.begin(), draft.segments.end(), [&](const ProgramHeader& segment) {
        return segment.type == PT_LOAD && segment.offset <= from && to <= segment.fileEnd();
      });
  if (!mapped) return std::nullopt;
  Eviction eviction;
  eviction.end = from;
  const uint64_t headers = draft.image.header.sectionHeaderOffset;
  const uint64_t headersEnd = headers + draft.sections.size() * draft.codec().sectionHeaderSize();
  // Extends the eviction over what nothing accounts for, and over the section headers.
  const auto passes = [&](uint64_t until) {
    if (headers < until && eviction.end < headersEnd) {
      if (headers < eviction.end || !gapIsFree(draft, eviction.end, headers)) return false;
      eviction.sectionHeaders = true;
      eviction.end = headersEnd;
    }
    return eviction.end >= until || gapIsFree(draft, eviction.end, until);
  };
  for (const Piece& piece : draft.pieces) {
    if (piece.end() <= from || piece.offset >= to) continue;
    const bool countsSymbols =
        piece.kind == PieceKind::Symbols || piece.kind == PieceKind::VersionSymbols;
    if (!mayMoveAway(piece.kind) || (countsSymbols && draft.symbolCountIsLeast))
      return std::nullopt;
    if (piece.offset < eviction.end) return std::nullopt;
    const uint64_t gap = piece.offset - eviction.end;
    // Without sections, only the few zeros that align a piece may precede it. With them, the gap
    // may be the place of a piece that has moved, such as the interpreter's path of an earlier fix.
    const bool free = draft.sections.empty()
                          ? gap < 16 && isPadding(draft.source(), eviction.end, piece.offset)
                          : passes(piece.offset);
    if (!free || piece.offset < eviction.end) return std::nullopt;
    eviction.end = piece.end();
    eviction.pieces.push_back(&piece);
    eviction.bytes += piece.size;
  }
  if (eviction.end < to) {
    if (!passes(to)) return std::nullopt;
    eviction.end = std::max(eviction.end, to);
  }
  return eviction;
}

}  // namespace fixelf
