#include "patch/place.hpp"

#include <algorithm>
#include <bit>

#include "patch/bss_growers.hpp"
#include "patch/eviction.hpp"
#include "patch/header_table.hpp"
#include "patch/patchelf_stop.hpp"
#include "patch/payload.hpp"
#include "patch/rooms.hpp"

namespace fixelf {

namespace {

// A sparse hole that a moved header table may need; a larger one would surprise whoever copies the
// file.
constexpr uint64_t kLargestHole = 16U << 20;

// Whether room is made for what patchelf or LIEF may add later.
enum class Patchelf { WithRoom, WithoutRoom };
enum class Lief { WithRoom, WithoutRoom };

class Placement {
 public:
  Placement(Draft& draft, uint64_t leastAlignment, Patchelf patchelf, Lief lief)
      : draft_(draft),
        area_(findArea(draft.source(), draft.image, draft.sections, draft.pieces)),
        leastAlignment_(leastAlignment),
        patchelf_(patchelf),
        lief_(lief) {
    placed_.tableOffset = draft.image.header.programHeaderOffset;
    placed_.newSize = draft.source().size();
    placed_.sectionsOffset = draft.image.header.sectionHeaderOffset;
  }

  Result<Placed> run() {
    if (Status status = makeHeaderRoomFor(0); !status) return status.error();
    // Places that the file already has are tried before any that would be added.
    if (Status status = placeInArea(Growth::No); !status) return status.error();
    if (anyUnplaced()) placeInRooms();
    if (Status status = placeInArea(Growth::Yes); !status) return status.error();
    if (anyUnplaced()) {
      if (Status status = growStrings(); !status) return status.error();
    }
    if (anyUnplaced() || tableMoves_) {
      // Before the appended segment, so that it stays last and can grow.
      if (Status status = addSection(); !status) return status.error();
      if (Status status = append(); !status) return status.error();
    }
    stopPatchelf();
    if (Status status = addSection(); !status) return status.error();
    if (Status status = moveSectionHeaders(); !status) return status.error();
    shortenSegments();
    finishSegments();
    if (draft_.segments.size() * draft_.codec().programHeaderSize() > Limits::kProgramHeaderTable)
      return unsupported("the program header table is full");
    // An offset in a 32-bit file would wrap around.
    if (!draft_.codec().wide() && placed_.newSize > draft_.source().size() &&
        placed_.newSize > UINT32_MAX) {
      return unsupported(
          "a 32-bit file has no offsets beyond 4 GiB, and the change does not fit before them");
    }
    if (Status status = findCollision(); !status) placed_.collision = status.error();
    return std::move(placed_);
  }

 private:
  // Whatever the order of the steps above, no two things may have come to one place.
  Status findCollision() const {
    std::vector<Placed::Extent> extents;
    const auto add = [&](uint64_t offset, uint64_t size) {
      if (size > 0) extents.push_back({offset, offset + size});
    };
    add(placed_.tableOffset, draft_.segments.size() * draft_.codec().programHeaderSize());
    for (const Part& part : draft_.parts) {
      if (part.placed) add(part.offset, part.size());
    }
    const auto stays = [&](const Piece& piece) {
      return piece.kind != PieceKind::ProgramHeaders &&
             std::none_of(draft_.parts.begin(), draft_.parts.end(), [&](const Part& part) {
               return part.piece.kind == piece.kind && part.piece.offset == piece.offset &&
                      (part.placed || part.removed);
             });
    };
    const size_t placed = extents.size();
    add(placed_.sectionsOffset, draft_.newSections.size() * draft_.codec().sectionHeaderSize());
    for (const Piece& piece : draft_.pieces) {
      if (stays(piece)) add(piece.offset, piece.size);
    }
    for (size_t one = 0; one < placed; ++one) {
      for (size_t other = one + 1; other < extents.size(); ++other) {
        if (extents[one].offset < extents[other].end && extents[other].offset < extents[one].end)
          return unsupported("two tables of the file would come to one place");
      }
    }
    return Done{};
  }

  // ---- Program headers --------------------------------------------------------------------------

  [[nodiscard]] bool tableInArea() const { return area_ && area_->holdsTable; }
  [[nodiscard]] bool tableGrowsInArea() const {
    return tableInArea() && draft_.newSegments.size() > unused_;
  }

  // Makes room for the wanted segments and `more`: evicts pieces, or decides that the table moves.
  Status makeHeaderRoomFor(size_t more) {
    const size_t entries = draft_.newSegments.size() + more;
    if (entries == 0) return makeWayForPatchelf(entries);
    unused_ = unusedEntries(draft_, entries);
    if (tableMoves_) return Done{};
    const auto evicted = evictedByHeaders(draft_, entries);
    // In an area of its own the table grows, and what follows it there is laid out again.
    if (more == 0 && tableInArea()) return Done{};
    if (!evicted) {
      tableMoves_ = true;
      return Done{};
    }
    if (evicted->sectionHeaders) sectionHeadersMove_ = true;
    for (const Piece* piece : evicted->pieces) {
      if (Status status = moveAway(*piece, "the program header table"); !status) return status;
    }
    return makeWayForPatchelf(entries);
  }

  Status makeWayForPatchelf(size_t entries) {
    if (patchelf_ == Patchelf::WithoutRoom || tableInArea()) return Done{};
    for (const Piece* piece : inTheWayOfPatchelf(draft_, entries)) {
      if (Status status = moveAway(*piece, "what patchelf may add to the program header table");
          !status) {
        return status;
      }
    }
    return Done{};
  }

  Status moveAway(const Piece& piece, const char* grown) {
    auto part = draft_.load(piece);
    if (!part) return part.error();
    // It may have grown where it is.
    if ((*part)->grown) (*part)->placed = (*part)->grown = false;
    if ((*part)->moves || (*part)->removed) return Done{};
    (*part)->moves = true;
    draft_.because(std::string(grown) + " grows over the place of " + pieceName(piece.kind));
    return Done{};
  }

  // ---- The string table ------------------------------------------------------------------------

  // A large string table grows over what follows it if that is smaller than the table: a few
  // hundred kilobytes then move, not megabytes of names.
  Status growStrings() {
    constexpr uint64_t kLarge = 16U << 10;
    Part* strings = draft_.loaded(PieceKind::DynamicStrings);
    if (strings == nullptr || !isUnplaced(*strings) || strings->piece.size < kLarge) return Done{};
    const Piece piece = strings->piece;
    const auto eviction = evict(draft_, piece.end(), piece.offset + strings->size());
    if (!eviction || eviction->sectionHeaders || eviction->bytes > piece.size / 2) return Done{};
    // Something may have taken a place there that was given up.
    const bool taken = std::any_of(draft_.parts.begin(), draft_.parts.end(), [&](const Part& part) {
      return part.placed && part.offset < eviction->end && part.offset + part.size() > piece.offset;
    });
    if (taken) return Done{};
    for (const Piece* each : eviction->pieces) {
      if (Status status = moveAway(*each, "the dynamic string table"); !status) return status;
    }
    // All of the place, so that the next name fits too.
    strings = draft_.loaded(PieceKind::DynamicStrings);
    strings->bytes.resize(static_cast<size_t>(eviction->end - piece.offset) - strings->kept, 0);
    const auto address = draft_.image.virtualAddress(piece.offset);
    if (!address) return unsupported("the dynamic string table is not mapped");
    put(*strings, piece.offset, *address - piece.offset);
    strings->grown = true;
    return Done{};
  }

  // The new segments take unused entries first; a PT_LOAD goes behind the others, as their order is
  // that of their addresses (gABI chapter 5, "Program Header").
  void finishSegments() {
    std::vector<ProgramHeader>& segments = draft_.segments;
    for (const ProgramHeader& added : draft_.newSegments) {
      if (unused_ > 0) {
        --unused_;
        segments.erase(std::find_if(segments.begin(), segments.end(),
                                    [](const auto& each) { return each.type == PT_NULL; }));
      }
      const auto lastLoad = std::find_if(segments.rbegin(), segments.rend(),
                                         [](const auto& each) { return each.type == PT_LOAD; });
      segments.insert(added.type == PT_LOAD ? lastLoad.base() : segments.end(), added);
    }
    draft_.newSegments.clear();
  }

  // ---- Section names
  // -----------------------------------------------------------------------------

  // patchelf asserts that a position-dependent program has a section behind the last one that it
  // replaces (src/patchelf.cc, rewriteSectionsExecutable: lastReplaced + 1 < shdrs.size()). What is
  // appended would be the last, so the section names go behind it. Null if they can't.
  [[nodiscard]] const SectionHeader* movableNames() const {
    constexpr uint64_t kMost = 64U << 10;
    const uint32_t index = sectionNameIndex(draft_.header, draft_.sections);
    if (draft_.header.type != ET_EXEC || index == SHN_UNDEF) return nullptr;
    const SectionHeader& names = draft_.sections[index];
    const bool movable = names.type == SHT_STRTAB && !names.allocated() && names.size > 0 &&
                         names.size <= kMost &&
                         inside(names.offset, names.size, draft_.source().size());
    return movable ? &names : nullptr;
  }

  // Whether only padding and what can move follows a segment in the file.
  [[nodiscard]] bool isLast(const ProgramHeader& segment) const {
    const Source& source = draft_.source();
    std::vector<SectionHeader> others = draft_.sections;
    uint64_t from = segment.fileEnd();
    if (const SectionHeader* names = movableNames(); names && names->offset >= from) {
      others[sectionNameIndex(draft_.header, others)].type = SHT_NULL;
      if (!isPadding(source, from, names->offset)) return false;
      from = names->offset + names->size;
    }
    return structureEnd(draft_.image, others, source.size()) == segment.fileEnd() &&
           isPadding(source, from, source.size());
  }

  [[nodiscard]] std::optional<Overlay> payload() const {
    return findOverlay(draft_.source(), draft_.image, draft_.sections);
  }

  // Whether bytes that a program may look for behind its last segment begin at a file offset: no
  // segment may then end earlier.
  [[nodiscard]] bool payloadFollows(uint64_t end) const {
    const auto follows = payload();
    return follows && follows->offset == end;
  }

  // Whether a segment may grow over the payload behind it, which is then repeated again.
  [[nodiscard]] bool precedesRepetition(const ProgramHeader& segment) const {
    const auto follows = draft_.mayRepeatPayload ? payload() : std::nullopt;
    return follows && isRepetition(draft_.source(), *follows, segment);
  }

  // Sets the end of the file, behind a segment that was added or has grown there.
  Status endFile(uint64_t segmentEnd) {
    // The section names stay: an AppImage's runtime looks behind the section headers or the last
    // section, usually that of the names (AppImage/type2-runtime src/runtime/runtime.c,
    // read_elf64).
    if ((placed_.repeated = payload())) {
      placed_.newSize = segmentEnd + placed_.repeated->size;
      return Done{};
    }
    placed_.newSize = std::max(placed_.newSize, segmentEnd);
    const SectionHeader* present = movableNames();
    if (present == nullptr) return Done{};
    if (!placed_.sectionNames) {
      auto names = draft_.source().bytes(present->offset, present->size, present->size);
      if (!names) return names.error();
      placed_.sectionNames = ByteRange{0, std::move(*names)};
    }
    SectionHeader& holder = draft_.newSections[sectionNameIndex(draft_.header, draft_.sections)];
    // Names that the segment has not reached stay.
    holder.offset = placed_.sectionNames->offset = std::max(segmentEnd, present->offset);
    placed_.newSize = std::max(placed_.newSize, holder.offset + holder.size);
    return Done{};
  }

  // ---- Section headers --------------------------------------------------------------------------

  // To the end of the file, if something has made that necessary.
  Status moveSectionHeaders() {
    if (!sectionHeadersMove_) return Done{};
    sectionHeadersMove_ = false;
    if (Status status = refuseOverlay(); !status) return status;
    placed_.sectionsOffset = alignUp(placed_.newSize, draft_.codec().wordSize());
    placed_.newSize =
        placed_.sectionsOffset + draft_.newSections.size() * draft_.codec().sectionHeaderSize();
    draft_.because("the section header table moves to the end of the file");
    return Done{};
  }

  // The names and the headers move to the end of the file, where there is room for one more.
  Status addSection() {
    if (!draft_.newSectionName) return Done{};
    const std::string name = *draft_.newSectionName;
    draft_.newSectionName.reset();
    const uint32_t namesIndex = sectionNameIndex(draft_.header, draft_.sections);
    if (namesIndex == SHN_UNDEF)
      return unsupported("no section can be added: sections have no names");
    SectionHeader& holder = draft_.newSections[namesIndex];
    constexpr uint64_t kMostNames = 64U << 20;
    // Where they are in the file: they may already have moved, behind a segment that grows.
    const SectionHeader& present = draft_.sections[namesIndex];
    auto names = draft_.source().bytes(present.offset, present.size, kMostNames);
    if (!names) return names.error();
    SectionHeader section;
    section.type = SHT_NOTE;
    section.flags = SHF_ALLOC;
    section.alignment = 4;
    const char* const begin = name.c_str();
    const char* const end = begin + name.size() + 1;
    const auto found = std::search(names->begin(), names->end(), begin, end);
    section.name = static_cast<uint32_t>(found - names->begin());
    if (found == names->end()) {
      if (Status status = refuseOverlay(); !status) return status;
      names->insert(names->end(), begin, end);
      const bool last = placed_.sectionNames && holder.offset + holder.size == placed_.newSize;
      if (!last) holder.offset = placed_.newSize;
      holder.size = names->size();
      placed_.newSize = holder.offset + holder.size;
      placed_.sectionNames = ByteRange{holder.offset, std::move(*names)};
    }
    // Reuses the header of a removed note.
    std::vector<SectionHeader>& sections = draft_.newSections;
    const auto unused = std::find(sections.begin() + 1, sections.end(), SectionHeader{});
    if (unused != sections.end()) {
      *unused = section;
    } else {
      sections.push_back(section);
      sectionHeadersMove_ = true;
    }
    return moveSectionHeaders();
  }

  // Only where one more header costs no more than itself.
  void stopPatchelf() {
    const size_t entry = draft_.codec().sectionHeaderSize();
    const uint64_t end = placed_.sectionsOffset + draft_.newSections.size() * entry;
    if (patchelf_ == Patchelf::WithoutRoom || (!sectionHeadersMove_ && end != placed_.newSize))
      return;
    const auto section = patchelfStop(draft_);
    if (!section) return;
    draft_.newSections.push_back(*section);
    if (!sectionHeadersMove_) placed_.newSize += entry;
    draft_.because("a section is added, at which patchelf stops looking for room");
  }

  Status refuseOverlay() {
    const auto follows = payload();
    if (!follows) return Done{};
    return unsupported(
        std::to_string(follows->size) +
        " bytes follow the ELF structure (a payload, which the program may look for from the end "
        "of the file), and the change does not fit without growing it");
  }

  // ---- Places ----------------------------------------------------------------------------------

  static bool isUnplaced(const Part& part) { return part.moves && !part.removed && !part.placed; }
  [[nodiscard]] bool anyUnplaced() const {
    return std::any_of(draft_.parts.begin(), draft_.parts.end(), isUnplaced);
  }
  [[nodiscard]] bool anyLeavesArea() const {
    const ProgramHeader& segment = draft_.segments[area_->segment];
    return std::any_of(draft_.parts.begin(), draft_.parts.end(), [&](const Part& part) {
      return (part.removed || part.placed) && !part.isNew() &&
             part.piece.offset >= segment.offset && part.piece.end() <= segment.fileEnd();
    });
  }
  static bool before(const Part& a, const Part& b) { return a.size() > b.size(); }

  // The parts in the order of placement: the largest first.
  std::vector<Part*> unplaced() {
    std::vector<Part*> found;
    for (Part& part : draft_.parts) {
      if (isUnplaced(part)) found.push_back(&part);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Part* a, const Part* b) { return before(*a, *b); });
    return found;
  }

  [[nodiscard]] bool anyWantsWriting() const {
    return std::any_of(draft_.parts.begin(), draft_.parts.end(), [&](const Part& part) {
      return part.moves && !part.removed && isWritten(draft_.image, part.piece);
    });
  }

  enum class Growth { No, Yes };  // of the file

  // Lays the area out again, with everything that moves in it. If it is too small and can't or may
  // not grow, nothing is placed.
  Status placeInArea(Growth growth) {
    const bool wanted = area_ && !tableMoves_ && !placed_.cleared &&
                        (anyUnplaced() || anyLeavesArea() || tableGrowsInArea());
    if (!wanted) return Done{};
    ProgramHeader& segment = draft_.segments[area_->segment];
    // Only now is it known that these move: undone below if there is no room.
    std::vector<size_t> joined;
    for (const Piece& piece : area_->pieces) {
      auto part = draft_.load(piece);
      if (!part) return part.error();
      if ((*part)->moves || (*part)->removed) continue;
      (*part)->moves = true;
      joined.push_back(static_cast<size_t>(*part - draft_.parts.data()));
    }
    uint64_t start = area_->start;
    if (tableInArea()) {
      const size_t added = draft_.newSegments.size() - std::min(unused_, draft_.newSegments.size());
      start += added * draft_.codec().programHeaderSize();
    }
    const uint64_t end = endOf(unplaced(), start);
    const bool highest = std::all_of(
        draft_.segments.begin(), draft_.segments.end(), [&](const ProgramHeader& other) {
          return other.type != PT_LOAD || other.virtualAddress <= segment.virtualAddress;
        });
    const uint64_t present = segment.fileEnd();
    const bool mayGrow = highest && addressesLeft(segment.virtualAddress, end - segment.offset);
    const bool fits = end <= present || (mayGrow && end <= endOfZeros(present));
    const auto isLastToGrow = [&] { return isLast(segment) || precedesRepetition(segment); };
    if (!fits && (growth == Growth::No || !mayGrow || !isLastToGrow())) {
      for (const size_t index : joined)
        draft_.parts[index].moves = false;
      // Nor can the table stay in an area that is full.
      if (growth == Growth::Yes && tableGrowsInArea()) tableMoves_ = true;
      return Done{};
    }
    put(unplaced(), start, segment.virtualAddress - segment.offset);
    // No longer than its content: elfutils strip puts what is not loaded behind the last section
    // that is, and the file may then end before the segment does.
    segment.fileSize = segment.memorySize =
        (payloadFollows(present) ? std::max(end, present) : end) - segment.offset;
    if (fits) {
      draft_.because("the area that an earlier fix appended has room");
    } else {
      draft_.because("the area that an earlier fix appended grows by " +
                     std::to_string(end - present) + " bytes");
      if (Status status = endFile(end); !status) return status;
    }
    if (anyWantsWriting()) segment.flags |= PF_W;
    placed_.cleared = {area_->start, std::max(present, end)};
    return Done{};
  }

  // As far as only zeros follow, which an area that was longer may have left.
  [[nodiscard]] uint64_t endOfZeros(uint64_t from) const {
    const uint64_t next = nextOccupied(draft_.source(), draft_.image, draft_.sections, from);
    return isPadding(draft_.source(), from, next) ? next : from;
  }

  void placeInRooms() {
    std::vector<Piece> moving;
    for (const Part& part : draft_.parts) {
      if ((part.moves || part.removed) && !part.isNew()) moving.push_back(part.piece);
    }
    std::vector<Room> rooms = findRooms(draft_.source(), draft_.image, draft_.sections, moving);
    // The area is laid out as a whole, and the room before it is kept.
    if (area_) {
      std::erase_if(rooms, [&](const Room& room) {
        return room.segment == area_->segment ||
               (area_->spacer && room.segment == area_->spacer->segment);
      });
    }
    std::vector<std::vector<Part*>> taken(rooms.size());
    for (Part* part : unplaced()) {
      if (isWritten(draft_.image, part->piece)) continue;
      for (size_t index = 0; index < rooms.size(); ++index) {
        std::vector<Part*> parts = taken[index];
        // What was added may be removed, and its place is found again only if nothing is behind it.
        const auto place = part->isNew()
                               ? parts.end()
                               : std::find_if(parts.begin(), parts.end(),
                                              [](const Part* each) { return each->isNew(); });
        parts.insert(place, part);
        if (endOf(parts, rooms[index].offset) > rooms[index].end()) continue;
        taken[index] = std::move(parts);
        draft_.because(std::string("the unused end of a read-only segment takes ") +
                       pieceName(part->piece.kind));
        break;
      }
    }
    for (size_t index = 0; index < rooms.size(); ++index) {
      if (taken[index].empty()) continue;
      ProgramHeader& segment = draft_.segments[rooms[index].segment];
      const uint64_t end =
          put(taken[index], rooms[index].offset, segment.virtualAddress - segment.offset);
      segment.fileSize = segment.memorySize = std::max(segment.fileSize, end - segment.offset);
    }
  }

  // A segment that ends with something removed gives the place back: room for the next edit, which
  // would otherwise put its replacement behind.
  void shortenSegments() {
    for (const Part& removed : draft_.parts) {
      if (!removed.removed) continue;
      const uint64_t from = removed.piece.offset;
      for (ProgramHeader& segment : draft_.segments) {
        const bool endsWithIt =
            isRoomy(segment) && segment.fileEnd() == removed.piece.end() && segment.offset < from;
        if (!endsWithIt || hasDependents(draft_.image, segment) ||
            payloadFollows(segment.fileEnd())) {
          continue;
        }
        uint64_t end = from;
        for (const Part& part : draft_.parts) {
          const uint64_t partEnd = part.offset + part.size();
          if (part.placed && part.offset < segment.fileEnd() && partEnd > from)
            end = std::max(end, partEnd);
        }
        segment.fileSize = segment.memorySize = end - segment.offset;
      }
    }
  }

  // An area that can't grow moves as a whole, and its program header is used again. With two areas
  // the program header table may have to move, which GNU strip does not survive; and strip closes
  // the gap to the second in the file, but not in memory (binutils bfd/elf.c).
  Status moveArea() {
    // Without sections, the zeros of an empty one may belong to something else.
    const bool known =
        area_ && (!area_->pieces.empty() || area_->holdsTable || !draft_.sections.empty());
    if (!known) return Done{};
    std::vector<Piece> pieces = area_->pieces;
    if (area_->spacer) pieces.push_back(area_->spacer->notes);
    for (const Piece& piece : pieces) {
      auto part = draft_.load(piece);
      if (!part) return part.error();
      // The string table may have grown there.
      if ((*part)->grown) (*part)->placed = (*part)->grown = false;
      (*part)->moves = true;
    }
    ProgramHeader& segment = draft_.segments[area_->segment];
    placed_.cleared = {area_->start, segment.fileEnd()};
    segment = ProgramHeader{};
    if (area_->spacer) draft_.segments[area_->spacer->segment] = ProgramHeader{};
    if (area_->holdsTable) tableMoves_ = true;
    draft_.because("the area that an earlier fix appended moves to the end of the file");
    return Done{};
  }

  // Notes that move, along with something else.
  Part* movingNotes() {
    const std::vector<Part*> moving = unplaced();
    const auto notes = std::find_if(moving.begin(), moving.end(), [](const Part* part) {
      return part->piece.kind == PieceKind::Description && !part->isNew();
    });
    return moving.size() > 1 && notes != moving.end() ? *notes : nullptr;
  }

  // Whether a segment of notes may precede the appended one, with room between them for a program
  // header table: otherwise LIEF would make .bss part of the file, over what is appended. Notes,
  // since GNU strip empties a segment without sections, and no edit changes them.
  [[nodiscard]] bool mayHaveSpacer() {
    if (lief_ == Lief::WithoutRoom || tableMoves_ || payload() || !growsByLief(draft_, 2))
      return false;
    const auto evicted = evictedByHeaders(draft_, draft_.newSegments.size() + 2);
    if (!evicted) return false;
    return movingNotes() != nullptr || std::ranges::any_of(evicted->pieces, [](const Piece* piece) {
             return piece->kind == PieceKind::Description;
           });
  }

  Status append() {
    const auto follows = payload();
    if (follows && (!draft_.mayRepeatPayload || follows->size > kMostRepeated))
      return refuseOverlay();
    if (Status status = moveArea(); !status) return status;
    const bool spaced = mayHaveSpacer();
    if (Status status = makeHeaderRoomFor(spaced ? 2 : 1); !status) return status;
    // Before the segment, so that it stays last and can grow.
    stopPatchelf();
    if (Status status = moveSectionHeaders(); !status) return status;
    uint64_t memoryEnd = 0;
    uint64_t alignment = std::max(largestPageSize(draft_.header), leastAlignment_);
    for (const ProgramHeader& segment : draft_.segments) {
      if (segment.type != PT_LOAD) continue;
      if (segment.memorySize > UINT64_MAX / 2 || segment.virtualAddress > UINT64_MAX / 2)
        return unsupported("a segment reaches the end of the address range");
      memoryEnd = std::max(memoryEnd, segment.memoryEnd());
      if (segment.alignment > 1 && (segment.alignment & (segment.alignment - 1)) == 0)
        alignment = std::max(alignment, segment.alignment);
    }
    if (alignment > UINT64_MAX / 8)
      return unsupported("a segment's alignment is beyond all memory");
    ProgramHeader area;
    area.type = PT_LOAD;
    area.flags = PF_R | (anyWantsWriting() ? PF_W : 0U);
    area.alignment = alignment;
    area.offset = alignUp(placed_.newSize, 16);
    // gABI: p_vaddr and p_offset agree modulo p_align, so the file needs no padding.
    area.virtualAddress = alignUp(memoryEnd, alignment) + area.offset % alignment;
    std::optional<ProgramHeader> spacer;
    if (Part* notes = spaced ? movingNotes() : nullptr) {
      spacer = area;
      spacer->flags = PF_R;
      spacer->physicalAddress = spacer->virtualAddress;
      put(*notes, area.offset + kAreaPadding, area.virtualAddress - area.offset);
      // LIEF puts its table right behind it.
      spacer->fileSize = spacer->memorySize =
          alignUp(notes->offset + notes->size(), 8) - area.offset;
      // Two more entries, for what a later edit adds.
      const size_t entries = draft_.segments.size() + draft_.newSegments.size() + 4;
      area.offset = alignUp(spacer->fileEnd() + roomForLief(draft_.codec(), entries), 16);
      // LIEF extends the spacer up to the area, in memory too.
      area.virtualAddress =
          alignUp(spacer->virtualAddress + (area.offset - spacer->offset), alignment) +
          area.offset % alignment;
    }
    uint64_t at = 0;
    if (tableMoves_) {
      if (needsExactTableAddress(draft_.image)) {
        const uint64_t delta = firstSegmentDelta(draft_.image);
        area.virtualAddress = alignUp(std::max(memoryEnd, placed_.newSize + delta), alignment);
        area.offset = area.virtualAddress - delta;
        area.alignment = std::max(alignment, alignmentThatStays(area));
        if (area.offset - placed_.newSize > kLargestHole) {
          return unsupported(
              "the program header table has to move, and its place in memory is so far from the "
              "end of the file that a hole of " +
              std::to_string((area.offset - placed_.newSize) >> 20U) + " MiB would be needed");
        }
      }
      placed_.tableOffset = area.offset + kAreaPadding;
      const size_t entries = draft_.segments.size() + draft_.newSegments.size() + 1 - unused_;
      at = placed_.tableOffset + entries * draft_.codec().programHeaderSize();
      draft_.because("the program header table moves to the end of the file");
    } else {
      at = area.offset + kAreaPadding;
    }
    const uint64_t end = put(unplaced(), at, area.virtualAddress - area.offset);
    area.physicalAddress = area.virtualAddress;
    area.fileSize = area.memorySize = end - area.offset;
    if (!addressesLeft(area.virtualAddress, area.memorySize))
      return unsupported("no addresses are left above the file's last segment");
    if (Status status = endFile(end); !status) return status;
    draft_.because("one segment of " + std::to_string(area.fileSize) + " bytes is appended");
    draft_.newSegments.insert(draft_.newSegments.begin(), area);
    if (spacer) draft_.newSegments.insert(draft_.newSegments.begin(), *spacer);
    placed_.leavesRoom = spacer.has_value();
    if (isBun(draft_)) {
      draft_.because(
          "this program runs, but what `bun build --compile` makes of it will not start: leave it "
          "alone for that (`fixelf run` starts it), and fix what it makes");
    }
    if (growsByLief(draft_, 0)) {
      draft_.because(
          "LIEF (postject) would overwrite that segment: what it is to add, let it add before the "
          "fix");
    }
    return Done{};
  }

  // Tools that copy a file segment by segment (llvm-objcopy) close the holes between segments as
  // far as the alignment allows, so the table would move away from where the kernel looks. Returns
  // the alignment that leaves no such hole; 0 if the addresses don't allow it.
  //
  // Kernels from 5.10 on place a PIE at a multiple of its largest alignment (fs/binfmt_elf.c,
  // maximum_alignment): so no more than a huge page, and none where an address has only 8 random
  // bits, as on 32-bit machines. Old loaders round addresses down by the alignment instead of the
  // page: so nothing else may lie where that leads.
  [[nodiscard]] uint64_t alignmentThatStays(const ProgramHeader& area) const {
    constexpr uint64_t kMost = 2U << 20;
    if (!draft_.codec().wide() && draft_.header.type == ET_DYN) return 0;
    uint64_t before = 0;
    for (const ProgramHeader& segment : draft_.segments) {
      if (segment.type == PT_LOAD) before = std::max(before, segment.fileEnd());
    }
    if (area.offset <= before) return 0;
    const uint64_t alignment = std::bit_ceil(std::min(area.offset - before + 1, kMost + 1));
    const bool fits = area.virtualAddress % alignment == 0 && area.offset % alignment == 0;
    return alignment <= kMost && fits ? alignment : 0;
  }

  [[nodiscard]] bool addressesLeft(uint64_t address, uint64_t size) const {
    return inside(address, size, draft_.codec().wide() ? UINT64_MAX : uint64_t{UINT32_MAX} + 1);
  }

  // Where parts that begin at a file offset, back to back, end.
  static uint64_t endOf(const std::vector<Part*>& parts, uint64_t at) {
    for (const Part* part : parts)
      at = alignUp(at, part->piece.alignment) + part->size();
    return at;
  }

  static void put(Part& part, uint64_t offset, uint64_t delta) {
    part.offset = offset;
    part.address = offset + delta;
    part.placed = true;
  }

  // The same for several, back to back; returns their end.
  static uint64_t put(const std::vector<Part*>& parts, uint64_t at, uint64_t delta) {
    for (Part* part : parts) {
      put(*part, alignUp(at, part->piece.alignment), delta);
      at = part->offset + part->size();
    }
    return at;
  }

  Draft& draft_;
  const std::optional<Area> area_;
  uint64_t leastAlignment_;
  const Patchelf patchelf_;
  const Lief lief_;
  Placed placed_;
  size_t unused_ = 0;  // PT_NULL entries that the new segments take
  bool tableMoves_ = false;
  bool sectionHeadersMove_ = false;
};

}  // namespace

std::optional<std::string> Placed::warning() const {
  if (!repeated) return std::nullopt;
  return "the payload of " + std::to_string(repeated->size) +
         " bytes is repeated at the end of the file: the program finds it where it was and from "
         "the end, but gets too much where it takes all from there to the end";
}

Result<Placed> place(Draft& draft, uint64_t leastAlignment) {
  constexpr uint64_t kStep = 4096;  // the least by which patchelf grows such a file
  Draft attempt = draft;
  auto placed = Placement(attempt, leastAlignment, Patchelf::WithRoom, Lief::WithRoom).run();
  const uint64_t size = draft.source().size();
  // It grows without the room too, so one step is no more than patchelf adds.
  if (placed && placed->leavesRoom && placed->newSize - size > kStep) {
    Draft smaller = draft;
    auto without = Placement(smaller, leastAlignment, Patchelf::WithRoom, Lief::WithoutRoom).run();
    if (without && placed->newSize - size > alignUp(without->newSize - size, kStep)) {
      attempt = std::move(smaller);
      placed = std::move(without);
    }
  }
  if (!placed || placed->collision || placed->repeated) {
    // Room for another tool is no reason to refuse, or to repeat a payload.
    return Placement(draft, leastAlignment, Patchelf::WithoutRoom, Lief::WithoutRoom).run();
  }
  draft = std::move(attempt);
  return placed;
}

}  // namespace fixelf
