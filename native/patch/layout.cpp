// From edits to bytes: where each new string goes, and which pointers follow it.
//
// A new string must be in the file, be mapped, and be reached from a header. The places are tried
// from the one that disturbs least to the one that disturbs most:
//
//   1. in its slot: over the old string, or where the same text stands already;
//   2. in the area that an earlier fix appended;
//   3. in the unused end of a read-only segment;
//   4. in one new PT_LOAD at the end of the file, above all others in memory.
//
// No byte that code could refer to ever moves. For 4 the program header table needs one more entry:
// a PT_NULL is taken, else the table grows over the pieces that follow it (which move to the new
// segment), else the table itself moves.
#include <algorithm>
#include <array>

#include "patch/check.hpp"
#include "patch/edits.hpp"
#include "patch/names.hpp"
#include "patch/rooms.hpp"

namespace fixelf {

uint64_t Layout::bytes() const {
  uint64_t total = 0;
  for (const ByteRange& range : ranges)
    total += range.bytes.size();
  return total;
}

namespace {

Error unsupported(std::string message) {
  return Error{ErrorCode::Unsupported, std::move(message), {}, 0};
}

// A sparse hole that a moved header table may need; more would surprise whoever copies the file.
constexpr uint64_t kLargestHole = 16U << 20;
// Entries left free when the dynamic table has to move, so that it moves only once.
constexpr size_t kSpareDynamicEntries = 4;

// A piece with its new content and, where it moves, its new place.
struct Part {
  Piece piece;
  std::vector<uint8_t> bytes;
  bool moves = false;
  uint64_t offset = 0;
  uint64_t address = 0;
};

class Planner {
 public:
  Planner(const Source& source, Image image, std::vector<SectionHeader> sections)
      : source_(source),
        image_(std::move(image)),
        sections_(std::move(sections)),
        newSections_(sections_),
        segments_(image_.programHeaders),
        dynamic_(image_.dynamic),
        pieces_(findPieces(image_)),
        tableOffset_(image_.header.programHeaderOffset) {}

  Result<Layout> plan(const Edits& edits) {
    layout_.oldSize = layout_.newSize = source_.size();
    if (edits.interpreter) {
      if (Status status = setInterpreter(*edits.interpreter); !status) return status.error();
    }
    if (edits.searchPath) {
      if (Status status = setSearchPath(*edits.searchPath); !status) return status.error();
    }
    if (Status status = place(); !status) return status.error();
    if (Status status = emit(); !status) return status.error();
    return std::move(layout_);
  }

 private:
  // ---- What changes -------------------------------------------------------------------------

  Status setInterpreter(const std::string& path) {
    const Piece* slot = pieceOf(PieceKind::Interpreter);
    if (slot == nullptr) {
      return unsupported("the file has no PT_INTERP: it is static or a library, and needs none");
    }
    if (path.size() + 1 > 4096)
      return unsupported("the interpreter's path is longer than PATH_MAX");
    auto part = load(*slot);
    if (!part) return part.error();
    const std::vector<uint8_t>& present = (*part)->bytes;
    const auto terminator = std::find(present.begin(), present.end(), uint8_t{0});
    if (std::equal(present.begin(), terminator, path.begin(), path.end())) return Done{};
    std::vector<uint8_t> bytes(path.begin(), path.end());
    bytes.push_back(0);
    if (bytes.size() <= slot->size) {
      // The slot keeps its size, so that a longer path fits again: the kernel wants the last byte
      // of the segment to be NUL and takes the string up to the first (fs/binfmt_elf.c).
      bytes.resize(static_cast<size_t>(slot->size), 0);
      layout_.reasons.emplace_back("the interpreter's path fits where the old one stood");
    } else {
      (*part)->moves = true;
    }
    (*part)->bytes = std::move(bytes);
    return Done{};
  }

  Status setSearchPath(const Edits::SearchPath& searchPath) {
    if (image_.dynamic.empty()) return unsupported("the file has no dynamic table: it is static");
    const auto isSearchPath = [](const DynamicEntry& entry) {
      return entry.tag == DT_RPATH || entry.tag == DT_RUNPATH;
    };
    if (searchPath.value.empty()) {
      eraseDynamic(isSearchPath);
      return Done{};
    }
    auto names = DynamicNames::read(source_, image_, sections_, {DT_RPATH, DT_RUNPATH});
    if (!names) return names.error();
    const int64_t tag = searchPath.tag == SearchPathTag::Rpath ? DT_RPATH : DT_RUNPATH;

    uint64_t index = 0;
    const auto current = std::find_if(dynamic_.begin(), dynamic_.end(), isSearchPath);
    if (auto found = names->find(searchPath.value)) {
      index = *found;
      stringsKept_ = std::max(names->liveSize(), index + searchPath.value.size() + 1);
      if (current == dynamic_.end() || current->value != index) {
        layout_.reasons.emplace_back("the search path's text stands in the string table already");
      }
    } else {
      const Piece* table = pieceOf(PieceKind::DynamicStrings);
      if (table == nullptr) return unsupported("the dynamic string table is empty");
      auto part = load(*table);
      if (!part) return part.error();
      std::vector<uint8_t>& bytes = (*part)->bytes;
      if (auto room = names->room(searchPath.value)) {
        index = *room;
        layout_.reasons.emplace_back(
            "the search path fits into bytes of the string table that nothing refers to");
      } else {
        index = names->liveSize();
        bytes.resize(static_cast<size_t>(index + searchPath.value.size() + 1));
        (*part)->moves = true;
      }
      std::copy(searchPath.value.begin(), searchPath.value.end(),
                bytes.begin() + static_cast<ptrdiff_t>(index));
      bytes[static_cast<size_t>(index + searchPath.value.size())] = 0;
      stringsKept_ = std::max(names->liveSize(), index + searchPath.value.size() + 1);
    }
    return setDynamic(isSearchPath, {tag, index});
  }

  // Puts an entry in place of the first that matches, and removes the others that do.
  template <class Predicate>
  Status setDynamic(Predicate matches, DynamicEntry entry) {
    const auto first = std::find_if(dynamic_.begin(), dynamic_.end(), matches);
    if (first != dynamic_.end()) {
      const auto position = first - dynamic_.begin();
      *first = entry;
      const auto rest = std::remove_if(dynamic_.begin() + position + 1, dynamic_.end(), matches);
      dynamic_.erase(rest, dynamic_.end());
      return Done{};
    }
    if (dynamic_.size() + 1 < image_.dynamicCapacity) {
      dynamic_.push_back(entry);
      layout_.reasons.emplace_back("a spare entry of the dynamic table is used");
      return Done{};
    }
    if (DynamicEntry* redundant = redundantEntry()) {
      *redundant = entry;
      return Done{};
    }
    auto part = load(*pieceOf(PieceKind::DynamicTable));
    if (!part) return part.error();
    (*part)->moves = true;
    dynamic_.push_back(entry);
    layout_.reasons.emplace_back("the dynamic table has no spare entry and moves");
    return Done{};
  }

  template <class Predicate>
  void eraseDynamic(Predicate matches) {
    dynamic_.erase(std::remove_if(dynamic_.begin(), dynamic_.end(), matches), dynamic_.end());
  }

  // An entry that says nothing which another does not say too. Taking its place is safer than
  // moving the table away from _DYNAMIC and out of RELRO.
  DynamicEntry* redundantEntry() {
    const auto entryOf = [&](int64_t tag) -> DynamicEntry* {
      const auto found =
          std::find_if(dynamic_.begin(), dynamic_.end(),
                       [tag](const DynamicEntry& entry) { return entry.tag == tag; });
      return found == dynamic_.end() ? nullptr : &*found;
    };
    const auto holds = [&](int64_t tag, uint64_t bit) {
      const DynamicEntry* entry = entryOf(tag);
      return entry != nullptr && (entry->value & bit) != 0;
    };
    // glibc elf/get-dynamic-info.h treats DT_BIND_NOW, DF_BIND_NOW and DF_1_NOW as one.
    if (holds(DT_FLAGS, DF_BIND_NOW) || holds(DT_FLAGS_1, DF_1_NOW)) {
      if (DynamicEntry* entry = entryOf(DT_BIND_NOW)) {
        layout_.reasons.emplace_back("DT_BIND_NOW, which the flags repeat, gives up its entry");
        return entry;
      }
    }
    DynamicEntry* flags = entryOf(DT_FLAGS);
    if (flags != nullptr && flags->value == DF_BIND_NOW && holds(DT_FLAGS_1, DF_1_NOW)) {
      layout_.reasons.emplace_back("DT_FLAGS, which DT_FLAGS_1 repeats, gives up its entry");
      return flags;
    }
    return nullptr;
  }

  // ---- Where it goes ------------------------------------------------------------------------

  Status place() {
    if (!anyMoves()) return Done{};
    if (const auto area = findArea(source_, image_, pieces_)) return placeInArea(*area);
    placeInRooms();
    if (!anyUnplaced()) return Done{};
    return append();
  }

  Status placeInArea(const Area& area) {
    for (const Piece& piece : area.pieces) {
      auto part = load(piece);
      if (!part) return part.error();
      (*part)->moves = true;
      if (piece.kind == PieceKind::DynamicStrings) trimStrings(**part);
    }
    prepareDynamicTable();
    ProgramHeader& segment = segments_[area.segment];
    const uint64_t end = layOutFrom(area.start, segment.virtualAddress - segment.offset);
    if (end > segment.fileEnd()) {
      const bool last = segment.fileEnd() == source_.size();
      const bool highest =
          std::all_of(segments_.begin(), segments_.end(), [&](const ProgramHeader& other) {
            return other.type != PT_LOAD || other.virtualAddress <= segment.virtualAddress;
          });
      if (!last || !highest) {
        return unsupported(
            "the area that an earlier fix appended is full and something follows it in the file");
      }
      segment.fileSize = segment.memorySize = end - segment.offset;
      layout_.newSize = end;
      layout_.reasons.emplace_back("the area that an earlier fix appended grows by " +
                                   std::to_string(end - source_.size()) + " bytes");
    } else {
      layout_.reasons.emplace_back("the area that an earlier fix appended has room");
    }
    if (movesDynamicTable()) segment.flags |= PF_W;
    cleared_ = ByteRange{area.start,
                         std::vector<uint8_t>(static_cast<size_t>(segment.fileEnd() - area.start))};
    return Done{};
  }

  void placeInRooms() {
    std::vector<Piece> moving;
    for (const Part& part : parts_) {
      if (part.moves) moving.push_back(part.piece);
    }
    std::vector<Room> rooms = findRooms(source_, image_, sections_, moving);
    for (Part* part : unplacedLargestFirst()) {
      // The dynamic table is written to by the loader and needs a writable segment.
      if (part->piece.kind == PieceKind::DynamicTable) continue;
      for (Room& room : rooms) {
        const uint64_t at = alignUp(room.offset, part->piece.alignment);
        if (at < room.offset || !inside(at, part->bytes.size(), room.end())) continue;
        ProgramHeader& segment = segments_[room.segment];
        part->offset = at;
        part->address = segment.virtualAddress + (at - segment.offset);
        room.capacity = room.end() - (at + part->bytes.size());
        room.offset = at + part->bytes.size();
        const uint64_t used = room.offset - segment.offset;
        segment.fileSize = std::max(segment.fileSize, used);
        segment.memorySize = std::max(segment.memorySize, used);
        layout_.reasons.push_back(std::string(pieceName(part->piece.kind)) +
                                  " fits into the unused end of a read-only segment");
        break;
      }
    }
  }

  Status append() {
    if (Status status = refuseOverlay(); !status) return status;
    bool moveTable = false;
    const auto spare = std::find_if(segments_.begin(), segments_.end(),
                                    [](const auto& segment) { return segment.type == PT_NULL; });
    if (spare != segments_.end()) {
      segments_.erase(spare);
      layout_.reasons.emplace_back("an unused program header is taken");
    } else if (auto grown = growTable(); !grown) {
      return grown.error();
    } else {
      moveTable = !*grown;
    }
    prepareDynamicTable();

    uint64_t memoryEnd = 0;
    uint64_t alignment = largestPageSize(image_.header);
    for (const ProgramHeader& segment : segments_) {
      if (segment.type != PT_LOAD) continue;
      if (segment.memorySize > UINT64_MAX / 2 || segment.virtualAddress > UINT64_MAX / 2) {
        return unsupported("a segment reaches the end of the address range");
      }
      memoryEnd = std::max(memoryEnd, segment.memoryEnd());
      if (segment.alignment > 1 && (segment.alignment & (segment.alignment - 1)) == 0) {
        alignment = std::max(alignment, segment.alignment);
      }
    }
    ProgramHeader area;
    area.type = PT_LOAD;
    area.flags = PF_R | (movesDynamicTable() ? PF_W : 0U);
    area.alignment = alignment;
    area.offset = alignUp(source_.size(), 16);
    // gABI: p_vaddr and p_offset agree modulo p_align; so no padding is needed in the file.
    area.virtualAddress = alignUp(memoryEnd, alignment) + area.offset % alignment;

    uint64_t at = area.offset;
    if (moveTable) {
      const uint64_t delta = firstLoadDelta();
      if (needsExactTableAddress()) {
        // Kernels before 5.18 compute AT_PHDR as the first segment's address plus e_phoff
        // (fs/binfmt_elf.c, create_elf_tables()): address minus offset has to be the same.
        area.virtualAddress = alignUp(std::max(memoryEnd, source_.size() + delta), alignment);
        area.offset = area.virtualAddress - delta;
        if (area.offset - source_.size() > kLargestHole) {
          return unsupported(
              "the program header table has to move, and its place in memory is so far from the "
              "end of the file that a hole of " +
              std::to_string((area.offset - source_.size()) >> 20U) + " MiB would be needed");
        }
      }
      tableOffset_ = area.offset;
      at = area.offset + (segments_.size() + 1) * image_.codec.programHeaderSize();
      layout_.reasons.emplace_back("the program header table moves to the end of the file");
    }
    const uint64_t end = layOutFrom(at, area.virtualAddress - area.offset);
    area.physicalAddress = area.virtualAddress;
    area.fileSize = area.memorySize = end - area.offset;
    if (!image_.codec.wide() && area.memoryEnd() > UINT32_MAX) {
      return unsupported("no addresses are left above the file's last segment");
    }
    layout_.newSize = end;
    layout_.reasons.push_back("one read-only segment of " + std::to_string(area.fileSize) +
                              " bytes is appended");
    // gABI: PT_LOAD entries are sorted by address, and this is the highest.
    const auto lastLoad = std::find_if(segments_.rbegin(), segments_.rend(),
                                       [](const auto& entry) { return entry.type == PT_LOAD; });
    segments_.insert(lastLoad.base(), area);
    if (segments_.size() * image_.codec.programHeaderSize() > Limits::kProgramHeaderTable) {
      return unsupported("the program header table is full");
    }
    return Done{};
  }

  Status refuseOverlay() {
    uint64_t end = 0;
    for (const ProgramHeader& segment : image_.programHeaders) {
      if (segment.type != PT_NULL) end = std::max(end, segment.fileEnd());
    }
    for (const SectionHeader& section : sections_) {
      if (section.type != SHT_NOBITS && section.type != SHT_NULL) {
        end = std::max(end, section.offset + section.size);
      }
    }
    end = std::max(end, image_.header.sectionHeaderOffset +
                            sections_.size() * image_.codec.sectionHeaderSize());
    if (end >= source_.size()) return Done{};
    return unsupported(
        std::to_string(source_.size() - end) +
        " bytes follow the ELF structure (a payload, which the program may look for "
        "from the end of the file), and the new strings don't fit without growing it");
  }

  // Makes room for one more entry right behind the table; false where that cannot be done.
  Result<bool> growTable() {
    const size_t entry = image_.codec.programHeaderSize();
    const uint64_t from = tableOffset_ + segments_.size() * entry;
    const uint64_t to = from + entry;
    const bool mapped = std::any_of(segments_.begin(), segments_.end(), [&](const auto& segment) {
      return segment.type == PT_LOAD && segment.offset <= tableOffset_ && to <= segment.fileEnd();
    });
    if (!mapped) return false;

    std::vector<const Piece*> evicted;
    uint64_t covered = from;
    for (const Piece& piece : pieces_) {
      if (piece.end() <= from || piece.offset >= to) continue;
      if (piece.kind != PieceKind::Interpreter && piece.kind != PieceKind::Notes) return false;
      // Between two pieces only the few zeros that align the second may stand.
      if (piece.offset < covered || piece.offset - covered >= 16 ||
          !allZero(source_, covered, piece.offset)) {
        return false;
      }
      covered = piece.end();
      evicted.push_back(&piece);
    }
    if (covered < to && !gapIsFree(covered, to)) return false;
    for (const Piece* piece : evicted) {
      auto part = load(*piece);
      if (!part) return part.error();
      (*part)->moves = true;
      layout_.reasons.push_back(std::string(pieceName(piece->kind)) +
                                " makes room for one more program header");
    }
    return true;
  }

  // Whether nothing accounts for a range behind the program header table. Zeros alone prove
  // nothing: a symbol table begins with an entry of zeros.
  [[nodiscard]] bool gapIsFree(uint64_t from, uint64_t to) const {
    if (sections_.empty() || !allZero(source_, from, to)) return false;
    for (const SectionHeader& section : sections_) {
      const bool occupies = section.type != SHT_NULL && section.type != SHT_NOBITS;
      if (occupies && section.size > 0 && section.offset < to &&
          section.offset + section.size > from) {
        return false;
      }
    }
    const auto first = image_.virtualAddress(from);
    return first && std::none_of(dynamic_.begin(), dynamic_.end(), [&](const DynamicEntry& entry) {
             return entry.value >= *first && entry.value - *first < to - from;
           });
  }

  [[nodiscard]] uint64_t firstLoadDelta() const {
    for (const ProgramHeader& segment : image_.programHeaders) {
      if (segment.type == PT_LOAD) return segment.virtualAddress - segment.offset;
    }
    return 0;
  }

  // Only a program's own table is looked up through AT_PHDR; a library's is read from the file.
  [[nodiscard]] bool needsExactTableAddress() const {
    return image_.header.type == ET_EXEC || image_.segment(PT_INTERP) != nullptr;
  }

  // Gives all unplaced parts their places from a file offset on; returns the end.
  uint64_t layOutFrom(uint64_t at, uint64_t delta) {
    for (Part* part : unplacedLargestFirst()) {
      at = alignUp(at, part->piece.alignment);
      part->offset = at;
      part->address = at + delta;
      at += part->bytes.size();
    }
    return at;
  }

  void trimStrings(Part& part) const {
    if (stringsKept_ > 0 && stringsKept_ < part.bytes.size()) {
      part.bytes.resize(static_cast<size_t>(stringsKept_));
    }
  }

  void prepareDynamicTable() {
    for (Part& part : parts_) {
      if (!part.moves || part.piece.kind != PieceKind::DynamicTable) continue;
      const size_t entries = std::max<size_t>(dynamic_.size() + 1 + kSpareDynamicEntries,
                                              static_cast<size_t>(image_.dynamicCapacity));
      part.bytes.assign(entries * image_.codec.dynamicEntrySize(), 0);
    }
  }

  // ---- Which pointers follow ------------------------------------------------------------------

  Status emit() {
    for (const Part& part : parts_) {
      if (part.moves) repoint(part);
    }
    std::vector<ByteRange> wanted;
    if (cleared_) wanted.push_back(*cleared_);
    for (const Part& part : parts_) {
      if (part.piece.kind == PieceKind::DynamicTable) continue;
      wanted.push_back({part.moves ? part.offset : part.piece.offset, part.bytes});
    }
    putDynamicTable(wanted);
    putProgramHeaders(wanted);
    putSections(wanted);
    if (Status status = putFileHeader(wanted); !status) return status;
    return difference(wanted);
  }

  void repoint(const Part& part) {
    const Piece& from = part.piece;
    const auto oldAddress = image_.virtualAddress(from.offset);
    const uint64_t size = part.bytes.size();
    const auto follow = [&](ProgramHeader& segment) {
      segment.offset = part.offset + (segment.offset - from.offset);
      segment.virtualAddress = part.address + (segment.virtualAddress - oldAddress.value_or(0));
      segment.physicalAddress = segment.virtualAddress;
    };
    for (ProgramHeader& segment : segments_) {
      const bool own = (from.kind == PieceKind::Interpreter && segment.type == PT_INTERP) ||
                       (from.kind == PieceKind::DynamicTable && segment.type == PT_DYNAMIC) ||
                       (from.kind == PieceKind::Notes &&
                        (segment.type == PT_NOTE || segment.type == PT_GNU_PROPERTY) &&
                        segment.offset >= from.offset && segment.fileEnd() <= from.end());
      if (!own) continue;
      follow(segment);
      if (from.kind != PieceKind::Notes) segment.fileSize = segment.memorySize = size;
    }
    if (from.kind == PieceKind::DynamicStrings) {
      for (DynamicEntry& entry : dynamic_) {
        if (entry.tag == DT_STRTAB) entry.value = part.address;
        if (entry.tag == DT_STRSZ) entry.value = size;
      }
    }
    if (from.kind == PieceKind::DynamicTable) dynamicAddress_ = part.address;
    for (size_t index = 0; index < sections_.size(); ++index) {
      const SectionHeader& old = sections_[index];
      SectionHeader& section = newSections_[index];
      const bool within = old.allocated() && old.type != SHT_NOBITS && old.size > 0 &&
                          old.offset >= from.offset &&
                          inside(old.offset - from.offset, old.size, from.size);
      if (!within) continue;
      section.offset = part.offset + (old.offset - from.offset);
      section.address = part.address + (old.offset - from.offset);
      if (from.kind != PieceKind::Notes && old.offset == from.offset) section.size = size;
    }
  }

  void putDynamicTable(std::vector<ByteRange>& wanted) {
    if (image_.dynamicCapacity == 0) return;
    const Piece* piece = pieceOf(PieceKind::DynamicTable);
    if (piece == nullptr) return;
    uint64_t offset = piece->offset;
    auto size = static_cast<size_t>(piece->size);
    for (const Part& part : parts_) {
      if (part.piece.kind == PieceKind::DynamicTable && part.moves) {
        offset = part.offset;
        size = part.bytes.size();
      }
    }
    moveSelfRelativeEntries();
    std::vector<uint8_t> bytes(size, 0);
    const size_t entrySize = image_.codec.dynamicEntrySize();
    for (size_t index = 0; index < dynamic_.size(); ++index) {
      image_.codec.put(std::span(bytes).subspan(index * entrySize, entrySize), dynamic_[index]);
    }
    // Nothing after the first DT_NULL is read, so what stood there may stay (DT_NULL is all zeros
    // in every table that a linker wrote; an entry removed leaves zeros as well).
    wanted.push_back({offset, std::move(bytes)});
  }

  // DT_MIPS_RLD_MAP_REL holds a distance from the entry's own address (MIPS ABI supplement).
  void moveSelfRelativeEntries() {
    if (image_.header.machine != EM_MIPS) return;
    const ProgramHeader* segment = image_.segment(PT_DYNAMIC);
    const size_t entrySize = image_.codec.dynamicEntrySize();
    const auto position = [](const std::vector<DynamicEntry>& entries) {
      return std::find_if(
                 entries.begin(), entries.end(),
                 [](const DynamicEntry& entry) { return entry.tag == DT_MIPS_RLD_MAP_REL; }) -
             entries.begin();
    };
    const auto before = static_cast<size_t>(position(image_.dynamic));
    const auto after = static_cast<size_t>(position(dynamic_));
    if (segment == nullptr || before == image_.dynamic.size() || after == dynamic_.size()) return;
    const uint64_t oldAddress = segment->virtualAddress + before * entrySize;
    const uint64_t newAddress =
        dynamicAddress_.value_or(segment->virtualAddress) + after * entrySize;
    dynamic_[after].value += oldAddress - newAddress;
  }

  void putProgramHeaders(std::vector<ByteRange>& wanted) {
    const size_t entrySize = image_.codec.programHeaderSize();
    for (ProgramHeader& segment : segments_) {
      if (segment.type != PT_PHDR) continue;
      if (tableOffset_ != image_.header.programHeaderOffset) {
        const auto area = std::find_if(segments_.begin(), segments_.end(), [&](const auto& load) {
          return load.type == PT_LOAD && load.offset <= tableOffset_ &&
                 tableOffset_ < load.fileEnd();
        });
        segment.offset = tableOffset_;
        segment.virtualAddress = area->virtualAddress + (tableOffset_ - area->offset);
        segment.physicalAddress = segment.virtualAddress;
      }
      segment.fileSize = segment.memorySize = segments_.size() * entrySize;
    }
    std::vector<uint8_t> bytes(segments_.size() * entrySize);
    for (size_t index = 0; index < segments_.size(); ++index) {
      image_.codec.put(std::span(bytes).subspan(index * entrySize, entrySize), segments_[index]);
    }
    wanted.push_back({tableOffset_, std::move(bytes)});
  }

  void putSections(std::vector<ByteRange>& wanted) const {
    const size_t entrySize = image_.codec.sectionHeaderSize();
    for (size_t index = 0; index < sections_.size(); ++index) {
      if (newSections_[index] == sections_[index]) continue;
      std::vector<uint8_t> bytes(entrySize);
      image_.codec.put(bytes, newSections_[index]);
      wanted.push_back({image_.header.sectionHeaderOffset + index * entrySize, std::move(bytes)});
    }
  }

  Status putFileHeader(std::vector<ByteRange>& wanted) const {
    auto bytes = source_.bytes(0, image_.codec.fileHeaderSize(), sizeof(Elf64_Ehdr));
    if (!bytes) return bytes.error();
    FileHeader header = image_.header;
    header.programHeaderOffset = tableOffset_;
    header.programHeaderCount = static_cast<uint16_t>(segments_.size());
    image_.codec.put(*bytes, header);
    wanted.push_back({0, std::move(*bytes)});
    return Done{};
  }

  // Keeps of the wanted bytes those that differ from what is there; runs that are close together
  // become one write.
  Status difference(std::vector<ByteRange>& wanted) {
    constexpr size_t kClose = 16;
    std::vector<uint8_t> all;
    for (size_t order = 0; order < wanted.size(); ++order) {
      const ByteRange& range = wanted[order];
      std::vector<uint8_t> present(range.bytes.size(), 0);
      if (range.offset < source_.size()) {
        const auto length = std::min<uint64_t>(present.size(), source_.size() - range.offset);
        Status status =
            source_.read(range.offset, std::span(present).first(static_cast<size_t>(length)));
        if (!status) return status;
      }
      // The cleared area lies below its new content.
      std::vector<uint8_t> content = range.bytes;
      if (order == 0 && cleared_) {
        for (size_t above = 1; above < wanted.size(); ++above)
          overlay(content, range.offset, wanted[above]);
      } else if (cleared_ && range.offset >= cleared_->offset && range.end() <= cleared_->end()) {
        continue;
      }
      size_t at = 0;
      while (at < content.size()) {
        if (content[at] == present[at] && range.offset + at < source_.size()) {
          ++at;
          continue;
        }
        const size_t start = at;
        size_t end = ++at;
        for (; at < content.size() && at - end < kClose; ++at) {
          if (content[at] != present[at] || range.offset + at >= source_.size()) end = at + 1;
        }
        layout_.ranges.push_back(
            {range.offset + start,
             std::vector<uint8_t>(content.begin() + static_cast<ptrdiff_t>(start),
                                  content.begin() + static_cast<ptrdiff_t>(end))});
        at = end;
      }
    }
    std::sort(layout_.ranges.begin(), layout_.ranges.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
    return Done{};
  }

  static void overlay(std::vector<uint8_t>& content, uint64_t offset, const ByteRange& above) {
    const uint64_t from = std::max(offset, above.offset);
    const uint64_t to = std::min(offset + content.size(), above.end());
    for (uint64_t at = from; at < to; ++at) {
      content[static_cast<size_t>(at - offset)] =
          above.bytes[static_cast<size_t>(at - above.offset)];
    }
  }

  // ---- Parts ----------------------------------------------------------------------------------

  [[nodiscard]] const Piece* pieceOf(PieceKind kind) const {
    const auto found = std::find_if(pieces_.begin(), pieces_.end(),
                                    [kind](const Piece& piece) { return piece.kind == kind; });
    return found == pieces_.end() ? nullptr : &*found;
  }

  // The part for a piece, read on first use. The pointer is good until the next call.
  Result<Part*> load(const Piece& piece) {
    for (Part& part : parts_) {
      if (part.piece.offset == piece.offset && part.piece.kind == piece.kind) return &part;
    }
    constexpr uint64_t kLargestPiece = 256U << 20;
    auto bytes = source_.bytes(piece.offset, piece.size, kLargestPiece);
    if (!bytes) return bytes.error();
    parts_.push_back({piece, std::move(*bytes)});
    return &parts_.back();
  }

  [[nodiscard]] bool anyMoves() const {
    return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.moves; });
  }
  [[nodiscard]] bool anyUnplaced() const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const Part& part) { return part.moves && part.offset == 0; });
  }
  [[nodiscard]] bool movesDynamicTable() const {
    return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) {
      return part.moves && part.piece.kind == PieceKind::DynamicTable;
    });
  }

  std::vector<Part*> unplacedLargestFirst() {
    std::vector<Part*> unplaced;
    for (Part& part : parts_) {
      if (part.moves && part.offset == 0) unplaced.push_back(&part);
    }
    std::stable_sort(unplaced.begin(), unplaced.end(), [](const Part* a, const Part* b) {
      return a->bytes.size() > b->bytes.size();
    });
    return unplaced;
  }

  const Source& source_;
  const Image image_;
  const std::vector<SectionHeader> sections_;
  std::vector<SectionHeader> newSections_;
  std::vector<ProgramHeader> segments_;
  std::vector<DynamicEntry> dynamic_;
  const std::vector<Piece> pieces_;
  std::vector<Part> parts_;
  uint64_t tableOffset_;
  uint64_t stringsKept_ = 0;
  std::optional<uint64_t> dynamicAddress_;
  std::optional<ByteRange> cleared_;
  Layout layout_;
};

}  // namespace

Result<Layout> layOut(const Source& source, const Edits& edits) {
  auto image = Image::read(source);
  if (!image) return image.error();
  if (image->header.type != ET_EXEC && image->header.type != ET_DYN) {
    return unsupported("only executables and shared libraries have an interpreter or a RUNPATH");
  }
  for (const auto& text : {edits.interpreter.value_or(""),
                           edits.searchPath ? edits.searchPath->value : std::string()}) {
    if (text.find('\0') != std::string::npos) return unsupported("a path holds a NUL byte");
  }
  auto sections = readSectionHeaders(source, *image);
  if (!sections) {
    return unsupported("the section headers are damaged (" + sections.error().message +
                       "), so nobody can say which bytes are free");
  }
  Planner planner(source, std::move(*image), std::move(*sections));
  auto layout = planner.plan(edits);
  if (!layout) return layout;
  if (Status status = checkLayout(source, edits, *layout); !status) return status.error();
  return layout;
}

}  // namespace fixelf
