// The parts of a file that may move, because only headers and the dynamic table point at them.
//
// Code and data never move: a compiler baked their distances in. These pieces are reached only from
// a program header, a dynamic entry or the ELF header, so all the pointers that have to follow are
// known.
#pragma once

#include <optional>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

enum class PieceKind {
  Interpreter,
  Description,  // PT_NOTE, PT_GNU_PROPERTY and MIPS's own: read by kernel and loader, not by code
  SystemVHash,
  GnuHash,
  Symbols,
  DynamicStrings,
  VersionSymbols,
  VersionNeeds,
  VersionDefinitions,
  DynamicTable,
  ProgramHeaders,
};

// What people call it, with its article.
const char* pieceName(PieceKind kind);

struct Piece {
  PieceKind kind = PieceKind::Interpreter;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t alignment = 1;

  [[nodiscard]] uint64_t end() const { return offset + size; }
};

// Whether a segment is one that a Description piece represents.
bool isDescription(const ProgramHeader& segment);

// All pieces of a file, in file order. Descriptions whose segments overlap form one piece. Tables
// of unknown length are left out: `symbolCount` is none if it is not known.
std::vector<Piece> findPieces(const Source& source, const Image& image,
                              const std::vector<SectionHeader>& sections,
                              std::optional<uint64_t> symbolCount);

// Whether the loader writes into a piece: into the dynamic table, unless its segment was never
// writable (MIPS, RISC-V).
bool isWritten(const Image& image, const Piece& piece);

// Whether a segment such as PT_INTERP lies behind a PT_LOAD, in its last page: GNU strip leaves it
// so where patchelf made the PT_LOAD. It is mapped only as long as that one is.
bool hasDependents(const Image& image, const ProgramHeader& segment);

// A PT_LOAD that holds only pieces and zeros: the area that an earlier fix appended (ours or
// another tool's). It is recognised by its content, so no mark has to survive `strip`.
//
// Its first bytes are zeros: of two segments that begin at the same offset, llvm-objcopy takes the
// one that is first in the table for the outer one (llvm/lib/ObjCopy/ELF/ELFObject.cpp), so nothing
// that has a segment of its own, such as PT_INTERP, may begin where the PT_LOAD does. An area from
// which all pieces have been removed is just these zeros.
constexpr uint64_t kAreaPadding = 16;

// A PT_LOAD before an area, made of such zeros and notes, with room behind it (Placement::append).
struct Spacer {
  size_t segment = 0;
  Piece notes;
};

struct Area {
  size_t segment = 0;         // index into the program headers
  std::vector<Piece> pieces;  // all that lie in it, except the program header table
  uint64_t start = 0;         // file offset from which it may be laid out again
  bool holdsTable = false;    // the program header table is in it, before `start`
  std::optional<Spacer> spacer = std::nullopt;
};

std::optional<Area> findArea(const Source& source, const Image& image,
                             const std::vector<SectionHeader>& sections,
                             const std::vector<Piece>& pieces);

}  // namespace fixelf
