#include "patch/pieces.hpp"

#include <algorithm>

namespace fixelf {

const char* pieceName(PieceKind kind) {
  switch (kind) {
    case PieceKind::Interpreter:
      return "the interpreter's path";
    case PieceKind::DynamicStrings:
      return "the dynamic string table";
    case PieceKind::DynamicTable:
      return "the dynamic table";
    case PieceKind::Notes:
      return "the notes";
    case PieceKind::ProgramHeaders:
      return "the program header table";
  }
  return "";
}

std::vector<Piece> findPieces(const Image& image) {
  std::vector<Piece> pieces;
  const auto add = [&](PieceKind kind, uint64_t offset, uint64_t size, uint64_t alignment) {
    if (size > 0) pieces.push_back({kind, offset, size, std::max<uint64_t>(alignment, 1)});
  };
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type == PT_INTERP) {
      add(PieceKind::Interpreter, segment.offset, segment.fileSize, 1);
    }
    if (segment.type == PT_NOTE || segment.type == PT_GNU_PROPERTY) {
      add(PieceKind::Notes, segment.offset, segment.fileSize,
          std::clamp<uint64_t>(segment.alignment, 4, 16));
    }
  }
  if (const auto strings = StringTable::dynamicOf(image)) {
    add(PieceKind::DynamicStrings, strings->offset, strings->size, 1);
  }
  if (image.dynamicCapacity > 0) {
    add(PieceKind::DynamicTable, image.dynamicOffset,
        image.dynamicCapacity * image.codec.dynamicEntrySize(), image.codec.wordSize());
  }
  add(PieceKind::ProgramHeaders, image.header.programHeaderOffset,
      image.programHeaders.size() * image.codec.programHeaderSize(), image.codec.wordSize());

  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  // PT_GNU_PROPERTY repeats the range of a PT_NOTE: one piece.
  std::vector<Piece> merged;
  for (const Piece& piece : pieces) {
    if (!merged.empty() && piece.kind == PieceKind::Notes &&
        merged.back().kind == PieceKind::Notes && piece.offset < merged.back().end()) {
      Piece& last = merged.back();
      last.size = std::max(last.end(), piece.end()) - last.offset;
      last.alignment = std::max(last.alignment, piece.alignment);
    } else {
      merged.push_back(piece);
    }
  }
  return merged;
}

bool allZero(const Source& source, uint64_t offset, uint64_t end) {
  constexpr uint64_t kMost = 1U << 20;
  if (offset >= end) return true;
  auto bytes = source.bytes(offset, end - offset, kMost);
  return bytes && std::all_of(bytes->begin(), bytes->end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<Area> findArea(const Source& source, const Image& image,
                             const std::vector<Piece>& pieces) {
  for (size_t index = image.programHeaders.size(); index-- > 0;) {
    const ProgramHeader& segment = image.programHeaders[index];
    if (segment.type != PT_LOAD || segment.fileSize == 0) continue;
    // The ELF header is no piece, so the segment that maps it is never an area.
    Area area{index, {}, segment.offset};
    uint64_t at = segment.offset;
    bool onlyPieces = segment.memorySize == segment.fileSize;
    bool any = false;
    for (const Piece& piece : pieces) {
      if (!onlyPieces || piece.end() <= segment.offset || piece.offset >= segment.fileEnd()) {
        continue;
      }
      onlyPieces = piece.offset >= at && piece.end() <= segment.fileEnd() &&
                   allZero(source, at, piece.offset);
      at = piece.end();
      any = true;
      if (piece.kind == PieceKind::ProgramHeaders) {
        // The table stays: AT_PHDR depends on where it is. It is only ever put first.
        onlyPieces = onlyPieces && area.pieces.empty();
        area.start = piece.end();
      } else {
        area.pieces.push_back(piece);
      }
    }
    if (onlyPieces && any && allZero(source, at, segment.fileEnd())) return area;
  }
  return std::nullopt;
}

}  // namespace fixelf
