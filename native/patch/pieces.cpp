#include "patch/pieces.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include "elf/extent.hpp"
#include "elf/notes.hpp"
#include "elf/symbols.hpp"
#include "elf/versions.hpp"
#include "patch/rooms.hpp"

namespace fixelf {

namespace {

// <elf.h> has had the first three since glibc 2.0 and the last since 2.21; the kernel and the
// loader read them (arch/mips/kernel/elf.c), and no code refers to them.
constexpr uint32_t kMipsDescriptions[] = {PT_MIPS_REGINFO, PT_MIPS_OPTIONS, PT_MIPS_ABIFLAGS};

// Whether a segment consists of notes of known owners, back to back, padded to that alignment.
bool areKnownNotes(const Source& source, const Codec& codec, const ProgramHeader& segment,
                   uint64_t alignment, uint64_t& left) {
  return visitNotes(source, codec, segment, alignment, left, [](const Note& note) {
    constexpr std::string_view kOwners[] = {"GNU", "FDO", "NixOS", "Go", "Android"};
    return std::find(std::begin(kOwners), std::end(kOwners), note.owner) != std::end(kOwners);
  });
}

// Whether no code refers to a note. Qt and Crashpad, for two, put objects of their programs into
// notes of their own, so only owners whose notes are known to be read through the headers are
// trusted.
bool isOnlyRead(const Source& source, const Image& image, const ProgramHeader& segment,
                uint64_t& left) {
  if (segment.type != PT_NOTE && segment.type != PT_GNU_PROPERTY) return true;
  // gABI chapter 5, "Note Section": names and descriptors are padded, to 8 bytes where p_align says
  // so. mold puts notes padded to 4 behind one padded to 8, into one segment of 8.
  return areKnownNotes(source, image.codec, segment, 4, left) ||
         (segment.alignment == 8 && areKnownNotes(source, image.codec, segment, 8, left));
}

// Whether PT_INTERP is a path and only zeros behind it. A linker script may let it begin with the
// notes before the path, or extend over everything that follows.
bool isOnlyPath(const Source& source, const ProgramHeader& segment) {
  constexpr uint64_t kMost = 4096;  // PATH_MAX: Linux takes no longer path (fs/binfmt_elf.c)
  const auto bytes = source.bytes(segment.offset, segment.fileSize, kMost);
  if (!bytes || bytes->empty() || bytes->back() != 0) return false;
  const auto terminator = std::find(bytes->begin(), bytes->end(), uint8_t{0});
  return std::all_of(terminator, bytes->end(), [](uint8_t byte) { return byte == 0; });
}

// MIPS has such sections without a segment of their own: those that DT_MIPS_OPTIONS and
// DT_MIPS_XHASH point at. Only sections give their lengths.
std::optional<PieceKind> mipsPiece(const SectionHeader& section) {
  constexpr uint32_t kXHash = 0x7000002b;     // SHT_MIPS_XHASH, binutils include/elf/mips.h
  constexpr uint32_t kAbiFlags = 0x7000002a;  // SHT_MIPS_ABIFLAGS
  if (!section.allocated()) return std::nullopt;
  switch (section.type) {
    case kXHash:
      return PieceKind::GnuHash;
    case kAbiFlags:
    case SHT_MIPS_OPTIONS:
    case SHT_MIPS_REGINFO:
      return PieceKind::Description;
    default:
      return std::nullopt;
  }
}

}  // namespace

const char* pieceName(PieceKind kind) {
  switch (kind) {
    case PieceKind::Interpreter:
      return "the interpreter's path";
    case PieceKind::Description:
      return "the notes";
    case PieceKind::SystemVHash:
      return "the hash table";
    case PieceKind::GnuHash:
      return "the GNU hash table";
    case PieceKind::Symbols:
      return "the dynamic symbol table";
    case PieceKind::DynamicStrings:
      return "the dynamic string table";
    case PieceKind::VersionSymbols:
      return "the table of symbol versions";
    case PieceKind::VersionNeeds:
      return "the table of needed versions";
    case PieceKind::VersionDefinitions:
      return "the table of defined versions";
    case PieceKind::DynamicTable:
      return "the dynamic table";
    case PieceKind::ProgramHeaders:
      return "the program header table";
  }
  return "";
}

bool isDescription(const ProgramHeader& segment) {
  if (segment.type == PT_NOTE || segment.type == PT_GNU_PROPERTY) return true;
  return std::find(std::begin(kMipsDescriptions), std::end(kMipsDescriptions), segment.type) !=
         std::end(kMipsDescriptions);
}

std::vector<Piece> findPieces(const Source& source, const Image& image,
                              const std::vector<SectionHeader>& sections,
                              std::optional<uint64_t> symbolCount) {
  std::vector<Piece> pieces;
  const auto add = [&](PieceKind kind, uint64_t offset, uint64_t size, uint64_t alignment) {
    if (size > 0 && inside(offset, size, source.size()))
      pieces.push_back({kind, offset, size, std::max<uint64_t>(alignment, 1)});
  };
  const auto addAt = [&](PieceKind kind, int64_t tag, uint64_t size, uint64_t alignment) {
    const auto address = image.dynamicValue(tag);
    const auto offset = address ? image.fileOffset(*address) : std::nullopt;
    if (offset) add(kind, *offset, size, alignment);
  };
  const size_t word = image.codec.wordSize();
  uint64_t notes = Limits::kNotesLookedAt;
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type == PT_INTERP && isOnlyPath(source, segment))
      add(PieceKind::Interpreter, segment.offset, segment.fileSize, 1);
    if (isDescription(segment) && isOnlyRead(source, image, segment, notes)) {
      add(PieceKind::Description, segment.offset, segment.fileSize,
          std::clamp<uint64_t>(segment.alignment, 4, 16));
    }
  }
  if (const auto strings = StringTable::dynamicOf(image))
    add(PieceKind::DynamicStrings, strings->offset, strings->size, 1);
  if (const auto head = SystemVHashHead::read(source, image))
    add(PieceKind::SystemVHash, head->offset, head->size(), head->wordSize);
  if (symbolCount) {
    addAt(PieceKind::Symbols, DT_SYMTAB, *symbolCount * image.codec.symbolSize(), word);
    addAt(PieceKind::VersionSymbols, DT_VERSYM, *symbolCount * 2, 2);
  }
  if (const auto head = GnuHashHead::read(source, image))
    add(PieceKind::GnuHash, head->offset, head->end(image.codec) - head->offset, word);
  if (image.header.machine == EM_MIPS) {
    for (const SectionHeader& section : sections) {
      // GNU ld writes an alignment of 1 for .MIPS.xhash, whose Bloom filter the loader reads in
      // whole words (glibc elf/dl-setup_hash.c).
      if (const auto kind = mipsPiece(section))
        add(*kind, section.offset, section.size, std::clamp<uint64_t>(section.alignment, word, 16));
    }
  }
  if (const auto table = neededVersionsTable(source, image))
    add(PieceKind::VersionNeeds, table->offset, table->size, word);
  if (const auto table = definedVersionsTable(source, image))
    add(PieceKind::VersionDefinitions, table->offset, table->size, word);
  if (image.dynamicCapacity > 0) {
    add(PieceKind::DynamicTable, image.dynamicOffset,
        image.dynamicCapacity * image.codec.dynamicEntrySize(), word);
  }
  add(PieceKind::ProgramHeaders, image.header.programHeaderOffset,
      image.programHeaders.size() * image.codec.programHeaderSize(), word);

  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  // PT_GNU_PROPERTY repeats the range of a PT_NOTE: one piece.
  std::vector<Piece> merged;
  for (const Piece& piece : pieces) {
    if (!merged.empty() && piece.kind == PieceKind::Description &&
        merged.back().kind == PieceKind::Description && piece.offset < merged.back().end()) {
      Piece& last = merged.back();
      last.size = std::max(last.end(), piece.end()) - last.offset;
      last.alignment = std::max(last.alignment, piece.alignment);
    } else {
      merged.push_back(piece);
    }
  }
  return merged;
}

bool isWritten(const Image& image, const Piece& piece) {
  if (piece.kind != PieceKind::DynamicTable) return false;
  return std::any_of(image.programHeaders.begin(), image.programHeaders.end(),
                     [&](const ProgramHeader& segment) {
                       return segment.type == PT_LOAD && (segment.flags & PF_W) != 0 &&
                              piece.offset >= segment.offset && piece.offset < segment.fileEnd();
                     });
}

bool hasDependents(const Image& image, const ProgramHeader& segment) {
  const uint64_t end = segment.memoryEnd();
  const uint64_t page = largestPageSize(image.header);
  return std::any_of(image.programHeaders.begin(), image.programHeaders.end(),
                     [&](const ProgramHeader& other) {
                       return other.type != PT_LOAD && other.type != PT_NULL &&
                              other.memorySize > 0 && other.virtualAddress >= end &&
                              other.virtualAddress - end < page - 1 - (end - 1) % page;
                     });
}

namespace {

// Whether anything but pieces may be in a segment that looks empty apart from them: a linker's own
// segment of .dynamic and a .got of zeros looks just like an area.
bool holdsMore(const ProgramHeader& segment, const std::vector<SectionHeader>& sections,
               std::span<const Piece> pieces, uint64_t end) {
  if (sections.empty()) {
    // There is no telling what the zeros of a writable segment are.
    return (segment.flags & PF_W) != 0 && end != segment.fileEnd();
  }
  return std::any_of(sections.begin(), sections.end(), [&](const SectionHeader& section) {
    const bool within = section.allocated() && section.size > 0 &&
                        section.address >= segment.virtualAddress &&
                        section.address < segment.memoryEnd();
    return within && std::none_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
             return section.type != SHT_NOBITS && section.offset >= piece.offset &&
                    inside(section.offset - piece.offset, section.size, piece.size);
           });
  });
}

std::optional<Spacer> findSpacer(const Source& source, const Image& image,
                                 const std::vector<SectionHeader>& sections,
                                 const std::vector<Piece>& pieces, size_t area) {
  if (image.header.type != ET_EXEC) return std::nullopt;
  const auto load = [](const ProgramHeader& segment) { return segment.type == PT_LOAD; };
  const auto& segments = image.programHeaders;
  const auto behind = segments.rend() - static_cast<ptrdiff_t>(area);
  const auto before = std::find_if(behind, segments.rend(), load);
  if (before == segments.rend() || before->flags != PF_R ||
      before->fileSize != before->memorySize || hasDependents(image, *before)) {
    return std::nullopt;
  }
  for (const Piece& notes : pieces) {
    const bool onlyNotes = notes.kind == PieceKind::Description && notes.offset >= kAreaPadding &&
                           notes.offset - kAreaPadding == before->offset &&
                           notes.end() <= before->fileEnd() &&
                           isPadding(source, before->offset, notes.offset) &&
                           isPadding(source, notes.end(), before->fileEnd()) &&
                           !holdsMore(*before, sections, std::span(&notes, 1), notes.end());
    if (onlyNotes) return Spacer{static_cast<size_t>(segments.rend() - before) - 1, notes};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Area> findArea(const Source& source, const Image& image,
                             const std::vector<SectionHeader>& sections,
                             const std::vector<Piece>& pieces) {
  for (size_t index = image.programHeaders.size(); index-- > 0;) {
    const ProgramHeader& segment = image.programHeaders[index];
    if (segment.type != PT_LOAD || segment.fileSize < kAreaPadding) continue;
    // The ELF header is not a piece, so the segment that maps it is never an area.
    Area area{index, {}, segment.offset + kAreaPadding};
    uint64_t at = segment.offset;
    bool onlyPieces = segment.memorySize == segment.fileSize && (segment.flags & PF_X) == 0;
    bool any = false;
    for (const Piece& piece : pieces) {
      if (!onlyPieces || piece.end() <= segment.offset || piece.offset >= segment.fileEnd()) {
        continue;
      }
      onlyPieces = piece.offset >= at && piece.end() <= segment.fileEnd() &&
                   isPadding(source, at, piece.offset);
      at = piece.end();
      any = true;
      if (piece.kind == PieceKind::ProgramHeaders) {
        // The table stays: AT_PHDR depends on where it is. It is only ever put first.
        onlyPieces = onlyPieces && area.pieces.empty();
        area.start = piece.end();
        area.holdsTable = true;
      } else {
        area.pieces.push_back(piece);
      }
    }
    // There is no telling what so few zeros are, but they stay where they are.
    const bool emptied = segment.fileSize == kAreaPadding && (segment.flags & PF_W) == 0;
    if (onlyPieces && (any || emptied) && !hasDependents(image, segment) &&
        isPadding(source, at, segment.fileEnd()) &&
        !holdsMore(segment, sections, area.pieces, at)) {
      area.spacer = findSpacer(source, image, sections, pieces, index);
      return area;
    }
  }
  return std::nullopt;
}

}  // namespace fixelf
