// The parts of a file that may stand anywhere, because only headers point at them.
//
// Code refers to the rest by distances fixed at link time. These few are reached through a program
// header or a dynamic entry alone, so moving one means rewriting its pointers, and nothing more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

enum class PieceKind { Interpreter, DynamicStrings, DynamicTable, Notes, ProgramHeaders };

const char* pieceName(PieceKind kind);

struct Piece {
  PieceKind kind = PieceKind::Interpreter;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t alignment = 1;

  [[nodiscard]] uint64_t end() const { return offset + size; }
};

// All pieces of a file, in file order. Notes whose segments overlap form one piece.
std::vector<Piece> findPieces(const Image& image);

// A PT_LOAD that holds nothing but pieces and zeros: the area that an earlier fix appended (ours or
// another tool's). It is recognised by what it holds, so no mark has to survive `strip`.
struct Area {
  size_t segment = 0;         // index into the program headers
  std::vector<Piece> pieces;  // all that lie in it, except the program header table
  uint64_t start = 0;         // file offset from which on it may be laid out anew
};

std::optional<Area> findArea(const Source& source, const Image& image,
                             const std::vector<Piece>& pieces);

// Whether every byte of a range is zero; false where it cannot be read.
bool allZero(const Source& source, uint64_t offset, uint64_t end);

}  // namespace fixelf
