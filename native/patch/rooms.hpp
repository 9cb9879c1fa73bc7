// Unused bytes at the end of a segment: room for a few strings at no cost in file size.
//
// Linkers start each segment on a new page, so a segment's last page is on average half empty, in
// the file and in memory alike. Growing p_filesz and p_memsz over that gap moves nothing.
#pragma once

#include <vector>

#include "patch/pieces.hpp"

namespace fixelf {

struct Room {
  size_t segment = 0;     // index into the program headers
  uint64_t offset = 0;    // where the free bytes begin in the file
  uint64_t capacity = 0;  // how many there are

  [[nodiscard]] uint64_t end() const { return offset + capacity; }
};

// The largest page size that the machine's kernels are built with; our segments are aligned to it,
// whatever the page size of the present machine.
uint64_t largestPageSize(const FileHeader& header);

// Whether a segment's end may move: it is read-only, and all of its bytes are in the file.
bool isRoomy(const ProgramHeader& segment);

// The rooms of all such segments, those without code first. `moving` are pieces that give up their
// place: where one ends a segment, its bytes are free as well.
std::vector<Room> findRooms(const Source& source, const Image& image,
                            const std::vector<SectionHeader>& sections,
                            const std::vector<Piece>& moving);

// The offset of the first byte at or after `offset` that anything in the file accounts for.
uint64_t nextOccupied(const Source& source, const Image& image,
                      const std::vector<SectionHeader>& sections, uint64_t offset);

}  // namespace fixelf
