// The note in which nixpkgs' glibc finds the places of needed libraries without searching.
//
// Owner "NixOS", type 0x63a86cb6, section .note.nixos.ldcache (patchelf 0.19 writes it). It holds
// only as long as the search path and the needed libraries stay the same, so changing either
// removes it.
#include <algorithm>
#include <cstring>

#include "patch/changes.hpp"

namespace fixelf {

namespace {

constexpr char kOwner[] = "NixOS";
constexpr uint32_t kType = 0x63a86cb6;
constexpr char kSection[] = ".note.nixos.ldcache";

std::vector<uint8_t> noteOf(const Codec& codec, const std::vector<uint8_t>& descriptor) {
  const size_t owner = alignUp(sizeof kOwner, 4);
  std::vector<uint8_t> note(12 + owner + alignUp(descriptor.size(), 4), 0);
  codec.putU32(note.data(), sizeof kOwner);
  codec.putU32(&note[4], static_cast<uint32_t>(descriptor.size()));
  codec.putU32(&note[8], kType);
  std::memcpy(&note[12], kOwner, sizeof kOwner);
  std::copy(descriptor.begin(), descriptor.end(),
            note.begin() + static_cast<ptrdiff_t>(12 + owner));
  return note;
}

// The segment that holds only this note.
Result<std::optional<size_t>> findNote(const Draft& draft) {
  for (size_t index = 0; index < draft.segments.size(); ++index) {
    const ProgramHeader& segment = draft.segments[index];
    if (segment.type != PT_NOTE || segment.fileSize < 12 + sizeof kOwner) continue;
    auto head = draft.source().bytes(segment.offset, 12 + sizeof kOwner, 64);
    if (!head) return head.error();
    if (draft.codec().u32(&(*head)[8]) == kType &&
        std::memcmp(&(*head)[12], kOwner, sizeof kOwner) == 0) {
      return std::optional<size_t>(index);
    }
  }
  return std::optional<size_t>();
}

Status removeNote(Draft& draft, size_t index) {
  ProgramHeader& segment = draft.segments[index];
  const auto piece = std::find_if(draft.pieces.begin(), draft.pieces.end(), [&](const Piece& each) {
    return each.kind == PieceKind::Description && each.offset == segment.offset &&
           each.size == segment.fileSize;
  });
  if (piece == draft.pieces.end())
    return unsupported("the note of where libraries lie is one with other notes");
  auto part = draft.load(*piece);
  if (!part) return part.error();
  (*part)->removed = true;
  for (size_t at = draft.sections.size(); at-- > 0;) {
    const SectionHeader& section = draft.sections[at];
    if (section.type != SHT_NOTE || section.offset != segment.offset) continue;
    // It stays as an inactive header (gABI chapter 4, SHT_NULL): without it the later sections
    // would be renumbered, and at the end of the file it would become bytes that belong to nothing.
    draft.newSections[at] = SectionHeader{};
  }
  segment = ProgramHeader{};  // a PT_NULL, which the next added segment takes
  draft.because("the note of where libraries lie is removed, as it would no longer be true");
  return Done{};
}

}  // namespace

Status changeResolutionCache(Draft& draft, const std::vector<uint8_t>* descriptor) {
  auto found = findNote(draft);
  if (!found) return found.error();
  if (descriptor == nullptr) {
    return *found ? removeNote(draft, **found) : Status(Done{});
  }
  if (Status status = draft.requireDynamicTable(); !status) return status;
  if (Status status = draft.requireLoader(); !status) return status;
  constexpr size_t kLargest = 1U << 20;
  if (descriptor->size() > kLargest)
    return unsupported("the note of where libraries lie is too long");
  std::vector<uint8_t> note = noteOf(draft.codec(), *descriptor);
  if (*found) {
    const ProgramHeader& segment = draft.segments[**found];
    auto present = draft.source().bytes(segment.offset, segment.fileSize, 2 * kLargest);
    if (!present) return present.error();
    if (*present == note) return Done{};
    if (Status status = removeNote(draft, **found); !status) return status;
  }
  ProgramHeader segment;
  segment.type = PT_NOTE;
  segment.flags = PF_R;
  segment.alignment = 4;
  segment.fileSize = segment.memorySize = note.size();
  draft.newSegments.push_back(segment);
  Part part;
  part.piece = {PieceKind::Description, 0, 0, 4};
  part.bytes = std::move(note);
  part.moves = true;
  draft.parts.push_back(std::move(part));
  if (!draft.sections.empty()) draft.newSectionName = kSection;
  return Done{};
}

}  // namespace fixelf
