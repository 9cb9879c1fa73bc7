#include "patch/emit.hpp"

#include <algorithm>

#include "elf/symbols.hpp"
#include "patch/canvas.hpp"
#include "patch/pointers.hpp"

namespace fixelf {

namespace {

class Emitter {
 public:
  Emitter(Draft& draft, const Placed& placed) : draft_(draft), placed_(placed) {}

  Result<Layout> run() {
    // The parts' bytes are moved to the canvas: what is asked of them is asked first.
    if (const Part* strings = draft_.loaded(PieceKind::DynamicStrings))
      stringsSize_ = strings->size();
    repoint();
    for (const Part& part : draft_.parts) {
      if (part.placed && part.isNew()) introduce(part);
    }
    putVacated();
    if (Status status = putParts(); !status) return status.error();
    if (Status status = putDynamicTable(); !status) return status.error();
    putProgramHeaders();
    countSections();
    putSections();
    if (Status status = putSymbolValues(); !status) return status.error();
    if (Status status = putFileHeader(); !status) return status.error();
    if (Status status = putRepetition(); !status) return status.error();
    auto ranges = std::move(canvas_).differences(draft_.source());
    if (!ranges) return ranges.error();
    Layout layout;
    layout.ranges = std::move(*ranges);
    layout.oldSize = draft_.source().size();
    layout.newSize = placed_.newSize;
    layout.reasons = std::move(draft_.reasons);
    layout.warning = placed_.warning();
    return layout;
  }

 private:
  // ---- Which pointers follow ------------------------------------------------------------------

  // Each pointer is mapped once, from its old value: a piece may move to where another one was.
  void repoint() {
    for (ProgramHeader& segment : draft_.segments) {
      const auto part =
          std::find_if(draft_.parts.begin(), draft_.parts.end(), [&](const Part& each) {
            return each.placed && !each.isNew() && isOwn(segment, each.piece);
          });
      if (part == draft_.parts.end()) continue;
      const uint64_t within = segment.offset - part->piece.offset;
      segment.offset = part->offset + within;
      segment.virtualAddress = segment.physicalAddress = part->address + within;
      if (part->piece.kind != PieceKind::Description)
        segment.fileSize = segment.memorySize = part->size();
    }
    // One map from old to new addresses for all entries, whatever they are called.
    for (DraftEntry& each : draft_.dynamic) {
      if (!isAddressTag(each.entry.tag, draft_.header.machine)) continue;
      const uint64_t old = each.entry.value;
      for (const Part& part : draft_.parts) {
        const auto address = draft_.image.virtualAddress(part.piece.offset);
        const bool moved = part.placed && !part.isNew() && address && old >= *address &&
                           old - *address < part.piece.size;
        if (moved) each.entry.value = part.address + (old - *address);
      }
    }
    for (size_t index = 0; index < std::min(draft_.sections.size(), draft_.newSections.size());
         ++index) {
      repointSection(draft_.sections[index], draft_.newSections[index]);
    }
  }

  void repointSection(const SectionHeader& old, SectionHeader& section) {
    if (!old.allocated() || old.type == SHT_NOBITS || old.size == 0) return;
    for (const Part& part : draft_.parts) {
      const Piece& from = part.piece;
      if (!part.placed || part.isNew() || old.offset < from.offset ||
          !inside(old.offset - from.offset, old.size, from.size)) {
        continue;
      }
      section.offset = part.offset + (old.offset - from.offset);
      section.address = part.address + (old.offset - from.offset);
      if (from.kind != PieceKind::Description && old.offset == from.offset)
        section.size = part.size();
    }
  }

  static bool isOwn(const ProgramHeader& segment, const Piece& piece) {
    switch (piece.kind) {
      case PieceKind::Interpreter:
        return segment.type == PT_INTERP;
      case PieceKind::DynamicTable:
        return segment.type == PT_DYNAMIC;
      case PieceKind::Description:
        return isDescription(segment) && segment.fileSize > 0 && segment.offset >= piece.offset &&
               segment.fileEnd() <= piece.end();
      default:
        return false;
    }
  }

  // What has no place in the old file. A note's segment and section have none either yet; PT_INTERP
  // leaves behind whatever it holds besides the path.
  void introduce(const Part& part) {
    if (part.piece.kind == PieceKind::Interpreter) {
      const auto own =
          std::find_if(draft_.segments.begin(), draft_.segments.end(),
                       [](const ProgramHeader& each) { return each.type == PT_INTERP; });
      own->offset = part.offset;
      own->virtualAddress = own->physicalAddress = part.address;
      own->fileSize = own->memorySize = part.size();
      return;
    }
    const auto segment =
        std::find_if(draft_.segments.begin(), draft_.segments.end(), [&](const auto& each) {
          return each.type == PT_NOTE && each.offset == 0 && each.fileSize == part.size();
        });
    if (segment != draft_.segments.end()) {
      segment->offset = part.offset;
      segment->virtualAddress = segment->physicalAddress = part.address;
    }
    const auto section =
        std::find_if(draft_.newSections.begin(), draft_.newSections.end(),
                     [](const auto& each) { return each.type == SHT_NOTE && each.offset == 0; });
    if (section == draft_.newSections.end()) return;
    section->offset = part.offset;
    section->address = part.address;
    section->size = part.size();
  }

  // DT_MIPS_RLD_MAP_REL holds a distance from the entry's own address (MIPS ABI supplement). No
  // edit adds or removes one, so several of them keep their order.
  void moveSelfRelativeEntries(uint64_t tableAddress) {
    if (draft_.header.machine != EM_MIPS) return;
    const ProgramHeader* segment = draft_.image.segment(PT_DYNAMIC);
    if (segment == nullptr) return;
    const size_t entrySize = draft_.codec().dynamicEntrySize();
    const auto& old = draft_.image.dynamic;
    size_t before = 0;
    for (size_t after = 0; after < draft_.dynamic.size(); ++after) {
      DynamicEntry& entry = draft_.dynamic[after].entry;
      if (entry.tag != DT_MIPS_RLD_MAP_REL) continue;
      while (before < old.size() && old[before].tag != DT_MIPS_RLD_MAP_REL)
        ++before;
      const uint64_t oldAddress = segment->virtualAddress + before++ * entrySize;
      entry.value += oldAddress - (tableAddress + after * entrySize);
    }
  }

  // ---- Which bytes are put --------------------------------------------------------------------

  // Where a piece moved away, the old bytes may hold store paths, which Nix would find, and are
  // room for a later edit if they read as unused: so they are cleared, as are released names (those
  // are patches). The rest of an old string table is cleared only on request: it may be megabytes,
  // as may other tables. _DYNAMIC stays where the dynamic table was.
  void putVacated() {
    constexpr uint64_t kMost = 64U << 10;
    for (const ByteRange& patch : draft_.patches)
      canvas_.put(patch.offset, patch.bytes);
    if (placed_.cleared)
      canvas_.putZeros(placed_.cleared->offset, placed_.cleared->end - placed_.cleared->offset);
    const uint64_t headers = draft_.sections.size() * draft_.codec().sectionHeaderSize();
    if (sectionHeadersMove() && headers <= kMost)
      canvas_.putZeros(draft_.image.header.sectionHeaderOffset, headers);
    for (const Part& part : draft_.parts) {
      const Piece& piece = part.piece;
      const bool cleared = piece.kind == PieceKind::DynamicStrings ? draft_.clearsVacated
                           : piece.kind == PieceKind::DynamicTable ? false
                                                                   : piece.size <= kMost;
      const bool left = part.placed && !part.grown;
      if (part.removed || (left && cleared)) canvas_.putZeros(piece.offset, piece.size);
    }
  }

  Status putParts() {
    for (Part& part : draft_.parts) {
      if (part.removed || part.piece.kind == PieceKind::DynamicTable) continue;
      const bool stays = !part.placed || part.grown;
      if (stays && !part.touched.empty()) {
        putTouched(part);
      } else if (part.placed) {
        auto kept = draft_.source().bytes(part.piece.offset, part.kept, Part::kMostBytes);
        if (!kept) return kept.error();
        canvas_.put(part.offset + part.kept, std::move(part.bytes));
        canvas_.put(part.offset, std::move(*kept));
      } else {
        // A piece that has become shorter leaves zeros.
        part.bytes.resize(static_cast<size_t>(part.piece.size), 0);
        canvas_.put(part.piece.offset, std::move(part.bytes));
      }
    }
    return Done{};
  }

  // A large table in which one name is written is neither compared nor written as a whole.
  void putTouched(const Part& part) {
    const uint64_t size = part.piece.size;
    if (part.size() > size) canvas_.putZeros(part.piece.offset + size, part.size() - size);
    for (const auto& [start, end] : part.touched) {
      const auto held = part.bytes.begin() + static_cast<ptrdiff_t>(start - part.kept);
      canvas_.put(part.piece.offset + start,
                  std::vector<uint8_t>(held, held + static_cast<ptrdiff_t>(end - start)));
    }
  }

  Status putDynamicTable() {
    const Piece* piece = draft_.pieceOf(PieceKind::DynamicTable);
    if (piece == nullptr) return Done{};
    const Part* part = draft_.loaded(PieceKind::DynamicTable);
    const bool moved = part != nullptr && part->placed;
    const uint64_t offset = moved ? part->offset : piece->offset;
    const size_t size = moved ? part->size() : static_cast<size_t>(piece->size);
    const ProgramHeader* segment = draft_.image.segment(PT_DYNAMIC);
    moveSelfRelativeEntries(moved ? part->address : segment->virtualAddress);
    if (const Part* strings = draft_.loaded(PieceKind::DynamicStrings);
        strings && strings->placed) {
      for (DraftEntry& each : draft_.dynamic) {
        if (each.entry.tag == DT_STRSZ) each.entry.value = stringsSize_;
      }
    }
    const size_t entrySize = draft_.codec().dynamicEntrySize();
    if ((draft_.dynamic.size() + 1) * entrySize > size)
      return unsupported("the dynamic table has grown beyond its place");
    // Nothing after the first DT_NULL is read: a removed entry leaves zeros.
    std::vector<uint8_t> bytes(size, 0);
    for (size_t index = 0; index < draft_.dynamic.size(); ++index) {
      draft_.codec().put(std::span(bytes).subspan(index * entrySize, entrySize),
                         draft_.dynamic[index].entry);
    }
    canvas_.put(offset, bytes);
    return Done{};
  }

  void putProgramHeaders() {
    const size_t entrySize = draft_.codec().programHeaderSize();
    std::vector<ProgramHeader>& segments = draft_.segments;
    if (segments.empty()) return;
    for (ProgramHeader& segment : segments) {
      if (segment.type != PT_PHDR) continue;
      if (placed_.tableOffset != draft_.image.header.programHeaderOffset) {
        const auto holder = std::find_if(segments.begin(), segments.end(), [&](const auto& load) {
          return load.type == PT_LOAD && load.offset <= placed_.tableOffset &&
                 placed_.tableOffset < load.fileEnd();
        });
        segment.offset = placed_.tableOffset;
        segment.virtualAddress = segment.physicalAddress =
            holder->virtualAddress + (placed_.tableOffset - holder->offset);
      }
      segment.fileSize = segment.memorySize = segments.size() * entrySize;
    }
    std::vector<uint8_t> bytes(segments.size() * entrySize);
    for (size_t index = 0; index < segments.size(); ++index)
      draft_.codec().put(std::span(bytes).subspan(index * entrySize, entrySize), segments[index]);
    canvas_.put(placed_.tableOffset, bytes);
  }

  // gABI chapter 4, "e_shnum": from SHN_LORESERVE sections on, the first header's sh_size has it.
  void countSections() {
    const size_t count = draft_.newSections.size();
    const bool few = count < SHN_LORESERVE && draft_.header.sectionHeaderCount != 0;
    draft_.header.sectionHeaderCount = few ? static_cast<uint16_t>(count) : uint16_t{0};
    if (!few && count > 0) draft_.newSections[0].size = count;
  }

  [[nodiscard]] bool sectionHeadersMove() const {
    return placed_.sectionsOffset != draft_.image.header.sectionHeaderOffset;
  }

  void putSections() {
    if (placed_.sectionNames)
      canvas_.put(placed_.sectionNames->offset, placed_.sectionNames->bytes);
    const size_t entrySize = draft_.codec().sectionHeaderSize();
    std::vector<uint8_t> bytes(entrySize);
    for (size_t index = 0; index < draft_.newSections.size(); ++index) {
      const bool same = !sectionHeadersMove() && index < draft_.sections.size() &&
                        draft_.newSections[index] == draft_.sections[index];
      if (same) continue;
      draft_.codec().put(bytes, draft_.newSections[index]);
      canvas_.put(placed_.sectionsOffset + index * entrySize, bytes);
    }
  }

  // The linker's own symbols (.symtab) for what has moved follow it: _DYNAMIC, and those of
  // sections and notes. They are local, so the rest of the table is read only if the dynamic table
  // has moved and the linker may have made _DYNAMIC global. Loaders don't read them, debuggers do.
  Status putSymbolValues() {
    const Part* dynamicTable = draft_.loaded(PieceKind::DynamicTable);
    const bool all = dynamicTable != nullptr && dynamicTable->placed;
    const bool any = std::any_of(draft_.parts.begin(), draft_.parts.end(),
                                 [](const Part& part) { return part.placed && !part.isNew(); });
    if (!any) return Done{};
    // Nearly all symbols of a large program are in sections that stay, which one look at each
    // shows.
    std::vector<bool> moved(std::min(draft_.sections.size(), draft_.newSections.size()));
    for (size_t index = 0; index < moved.size(); ++index)
      moved[index] = draft_.sections[index].address != draft_.newSections[index].address;
    const size_t size = draft_.codec().symbolSize();
    const size_t section = SymbolEntry::sectionPosition(draft_.codec());
    for (const SectionHeader& table : draft_.sections) {
      if (table.type != SHT_SYMTAB) continue;
      const uint64_t most = table.size / size;
      const uint64_t count = all ? most : std::min<uint64_t>(table.info, most);
      const std::vector<uint32_t> indexes = extendedIndexes(table, count);
      const auto move = [&](std::span<uint8_t> symbols, uint64_t offset) {
        for (size_t at = 0; at < symbols.size(); at += size) {
          size_t index = draft_.codec().u16(&symbols[at + section]);
          if (index >= SHN_LORESERVE) {
            const auto number = static_cast<size_t>((offset + at - table.offset) / size);
            index = index == SHN_XINDEX && number < indexes.size() ? indexes[number] : SHN_UNDEF;
          }
          if (index != SHN_UNDEF && index < moved.size() && moved[index])
            moveSymbol(symbols.subspan(at, size), offset + at, index);
        }
      };
      if (Status status = draft_.source().visit(table.offset, count, size, move); !status)
        return status;
    }
    return Done{};
  }

  // The sections of a symbol table's first entries, for a file with so many that an entry has no
  // room for their index (gABI chapter 4, SHT_SYMTAB_SHNDX); empty if the file does not give them.
  [[nodiscard]] std::vector<uint32_t> extendedIndexes(const SectionHeader& table,
                                                      uint64_t count) const {
    std::vector<uint32_t> indexes;
    if (draft_.sections.size() <= SHN_LORESERVE) return indexes;
    const auto link = static_cast<size_t>(&table - draft_.sections.data());
    for (const SectionHeader& each : draft_.sections) {
      if (each.type != SHT_SYMTAB_SHNDX || each.link != link) continue;
      const auto take = [&](std::span<uint8_t> words, uint64_t) {
        for (size_t at = 0; at < words.size(); at += 4)
          indexes.push_back(draft_.codec().u32(&words[at]));
      };
      (void)draft_.source().visit(each.offset, std::min(count, each.size / 4), 4, take);
      break;
    }
    return indexes;
  }

  void moveSymbol(std::span<uint8_t> bytes, uint64_t offset, size_t section) {
    const SymbolEntry symbol = SymbolEntry::decode(draft_.codec(), bytes);
    const SectionHeader& old = draft_.sections[section];
    const SectionHeader& now = draft_.newSections[section];
    if (symbol.value < old.address || symbol.value - old.address > old.size) return;
    const size_t field = SymbolEntry::valuePosition(draft_.codec());
    draft_.codec().putWord(&bytes[field], symbol.value - old.address + now.address);
    const auto value = bytes.subspan(field, draft_.codec().wordSize());
    canvas_.put(offset + field, std::vector<uint8_t>(value.begin(), value.end()));
  }

  Status putFileHeader() {
    auto bytes = draft_.source().bytes(0, draft_.codec().fileHeaderSize(), sizeof(Elf64_Ehdr));
    if (!bytes) return bytes.error();
    FileHeader& header = draft_.header;
    header.programHeaderOffset = placed_.tableOffset;
    header.programHeaderCount = static_cast<uint16_t>(draft_.segments.size());
    header.sectionHeaderOffset = placed_.sectionsOffset;
    draft_.codec().put(*bytes, header);
    canvas_.put(0, *bytes);
    return Done{};
  }

  Status putRepetition() {
    if (!placed_.repeated) return Done{};
    const auto [offset, size] = *placed_.repeated;
    auto bytes = draft_.source().bytes(offset, size, size);
    if (!bytes) return bytes.error();
    canvas_.put(placed_.newSize - size, std::move(*bytes));
    return Done{};
  }

  Draft& draft_;
  const Placed& placed_;
  Canvas canvas_;
  uint64_t stringsSize_ = 0;
};

}  // namespace

Result<Layout> emit(Draft& draft, const Placed& placed) {
  return Emitter(draft, placed).run();
}

}  // namespace fixelf
