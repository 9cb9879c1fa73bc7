#include "patch/rooms.hpp"

#include <algorithm>

#include "elf/extent.hpp"

namespace fixelf {

uint64_t largestPageSize(const FileHeader& header) {
  switch (header.machine) {
    // Linux Kconfig: CONFIG_ARM64_64K_PAGES, PPC_64K_PAGES, PAGE_SIZE_64KB (mips, loongarch), and
    // the ia64 and sparc64 ABIs. GNU ld's ELF_MAXPAGESIZE for the same machines agrees.
    case EM_AARCH64:
    case EM_PPC:
    case EM_PPC64:
    case EM_MIPS:
    case EM_IA_64:
    case 258:  // EM_LOONGARCH
    case 0x9026:
      return 0x10000;  // EM_ALPHA
    case EM_SPARCV9:
      return 0x100000;
    case EM_ARM:
      return 0x10000;
    default:
      return 0x1000;
  }
}

uint64_t nextOccupied(const Source& source, const Image& image,
                      const std::vector<SectionHeader>& sections, uint64_t offset) {
  uint64_t next = source.size();
  const auto consider = [&](uint64_t start, uint64_t size) {
    // What claims to reach past the end of the range is taken at its word.
    const uint64_t end = size > UINT64_MAX - start ? UINT64_MAX : start + size;
    if (size > 0 && end > offset) next = std::min(next, std::max(start, offset));
  };
  consider(image.header.programHeaderOffset,
           image.programHeaders.size() * image.codec.programHeaderSize());
  consider(image.header.sectionHeaderOffset, sections.size() * image.codec.sectionHeaderSize());
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type != PT_NULL) consider(segment.offset, segment.fileSize);
  }
  for (const SectionHeader& section : sections) {
    if (section.type != SHT_NULL && section.type != SHT_NOBITS) {
      consider(section.offset, section.size);
    }
  }
  return next;
}

bool isRoomy(const ProgramHeader& segment) {
  return segment.type == PT_LOAD && (segment.flags & PF_W) == 0 && (segment.flags & PF_R) != 0 &&
         segment.fileSize > 0 && segment.fileSize == segment.memorySize;
}

namespace {

// How far a segment may grow before it meets another one in memory.
uint64_t addressLimit(const Image& image, const ProgramHeader& segment) {
  uint64_t limit = UINT64_MAX;
  for (const ProgramHeader& other : image.programHeaders) {
    if (other.type != PT_LOAD || other.virtualAddress < segment.memoryEnd()) continue;
    // The kernel maps whole pages: the other segment begins where its first page does.
    const uint64_t page = largestPageSize(image.header);
    limit = std::min(limit, other.virtualAddress & ~(page - 1));
  }
  return limit;
}

}  // namespace

std::vector<Room> findRooms(const Source& source, const Image& image,
                            const std::vector<SectionHeader>& sections,
                            const std::vector<Piece>& moving) {
  std::vector<Room> rooms;
  for (size_t index = 0; index < image.programHeaders.size(); ++index) {
    const ProgramHeader& segment = image.programHeaders[index];
    if (!isRoomy(segment)) continue;

    uint64_t start = segment.fileEnd();
    for (bool shrunk = true; shrunk;) {
      shrunk = false;
      for (const Piece& piece : moving) {
        if (piece.end() == start && piece.offset > segment.offset) {
          start = piece.offset;
          shrunk = true;
        }
      }
    }
    uint64_t end = segment.fileEnd();
    const uint64_t occupied = nextOccupied(source, image, sections, end);
    const uint64_t addresses = addressLimit(image, segment);
    // Nothing in the file accounts for the gap, but it must also look unused.
    if (occupied > end && addresses > segment.memoryEnd()) {
      const uint64_t grown = std::min(occupied, end + (addresses - segment.memoryEnd()));
      // The end of the file is no gap: growing there is appending, which is done in one place only.
      if (grown < source.size() && isPadding(source, end, grown)) end = grown;
    }
    if (end > start) rooms.push_back({index, start, end - start});
  }
  std::stable_sort(rooms.begin(), rooms.end(), [&](const Room& a, const Room& b) {
    const auto executable = [&](const Room& room) {
      return (image.programHeaders[room.segment].flags & PF_X) != 0;
    };
    return executable(a) < executable(b);
  });
  return rooms;
}

}  // namespace fixelf
