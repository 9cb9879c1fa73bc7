#include "patch/patchelf_stop.hpp"

#include <algorithm>
#include <functional>

namespace fixelf {

namespace {

struct Section {
  uint64_t offset = 0;
  uint64_t size = 0;
  bool stops = false;  // patchelf, which moves neither it nor what follows
};

bool leaves(const Part& part) {
  return (part.moves || part.removed) && !part.isNew() && !part.grown;
}

// Those that already have a place, in file order.
std::vector<Section> placedSections(const Draft& draft) {
  const ProgramHeader* interpreter = draft.image.segment(PT_INTERP);
  std::vector<Section> sections;
  for (size_t index = 0; index < draft.newSections.size(); ++index) {
    const SectionHeader& now = draft.newSections[index];
    if (now.type == SHT_NULL) continue;
    const bool isPath = interpreter != nullptr && now.offset == interpreter->offset;
    Section section{now.offset, now.size, now.type == SHT_PROGBITS && !isPath};
    const auto part = std::find_if(draft.parts.begin(), draft.parts.end(), [&](const Part& each) {
      return now.allocated() && leaves(each) && now.offset >= each.piece.offset &&
             now.offset < each.piece.end();
    });
    if (part != draft.parts.end()) {
      if (!part->placed) continue;
      section.offset = part->offset + (now.offset - part->piece.offset);
      if (now.offset == part->piece.offset) section.size = part->size();
    }
    sections.push_back(section);
  }
  std::stable_sort(sections.begin(), sections.end(),
                   [](const Section& a, const Section& b) { return a.offset < b.offset; });
  return sections;
}

// Where the places that pieces have left begin, the last one first.
std::vector<uint64_t> vacated(const Draft& draft) {
  std::vector<uint64_t> offsets;
  for (const Part& part : draft.parts) {
    const uint64_t offset = part.piece.offset;
    const bool taken = std::any_of(draft.parts.begin(), draft.parts.end(), [&](const Part& other) {
      return other.placed && other.offset <= offset && offset - other.offset < other.size();
    });
    // A segment that ends with what is removed becomes shorter.
    if (leaves(part) && !part.removed && !taken) offsets.push_back(offset);
  }
  std::sort(offsets.begin(), offsets.end(), std::greater());
  return offsets;
}

}  // namespace

std::optional<SectionHeader> patchelfStop(const Draft& draft) {
  const Piece* dynamicTable = draft.pieceOf(PieceKind::DynamicTable);
  const bool looks = draft.header.type == ET_EXEC && dynamicTable != nullptr &&
                     isWritten(draft.image, *dynamicTable) &&
                     sectionNameIndex(draft.header, draft.sections) != SHN_UNDEF;
  if (!looks) return std::nullopt;
  const uint64_t entry = draft.codec().programHeaderSize();
  const uint64_t headersEnd = draft.codec().fileHeaderSize() + draft.segments.size() * entry;
  const std::vector<Section> sections = placedSections(draft);
  // Whether the dynamic table, with one more entry, has room once all before an offset is packed.
  const auto hasRoomBefore = [&](uint64_t offset) {
    uint64_t used = headersEnd + dynamicTable->size + draft.codec().dynamicEntrySize();
    for (const Section& section : sections) {
      if (section.offset >= offset || used > offset) break;
      used += alignUp(std::min(section.size, offset), draft.codec().wordSize());
    }
    return used <= offset;
  };
  const auto stop = std::find_if(sections.begin(), sections.end(), std::mem_fn(&Section::stops));
  if (stop == sections.end() || !hasRoomBefore(stop->offset)) return std::nullopt;
  // The program header table may still grow over the first of them.
  const uint64_t free = headersEnd + (draft.newSegments.size() + 1) * entry;
  for (const uint64_t offset : vacated(draft)) {
    if (offset < free || offset >= stop->offset || hasRoomBefore(offset)) continue;
    const auto address = draft.image.virtualAddress(offset);
    const auto left = std::find_if(
        draft.sections.begin(), draft.sections.end(),
        [&](const SectionHeader& each) { return each.allocated() && each.offset == offset; });
    if (!address || left == draft.sections.end()) continue;
    SectionHeader section;
    section.name = left->name + 1;  // the same without its dot, so that no name is added
    section.type = SHT_PROGBITS;
    section.flags = SHF_ALLOC;
    section.address = *address;
    section.offset = offset;
    section.size = section.alignment = 1;
    return section;
  }
  return std::nullopt;
}

}  // namespace fixelf
