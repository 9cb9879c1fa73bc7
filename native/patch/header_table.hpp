// Room for more program headers.
//
// Something nearly always follows the table, so room has to be made: unused entries (PT_NULL) are
// taken first; then the table grows over the pieces behind it, which move; failing that, the table
// itself moves. That comes last because GNU strip and objcopy always put the table right behind the
// ELF header (binutils bfd/elf.c, assign_file_positions_for_load_sections), over whatever is there.
#pragma once

#include "patch/eviction.hpp"

namespace fixelf {

// How many usable PT_NULL entries the table has, at most `most`.
size_t unusedEntries(const Draft& draft, size_t most);

// What has to move so that the table gets room for that many more entries; none if the table can't
// stay where it is.
std::optional<Eviction> evictedByHeaders(const Draft& draft, size_t entries);

// What else has to move so that patchelf finds room for its own entries where it looks: patchelf
// before 0.19 moves away what they need, section by section in header order, but stops at the first
// one that lies elsewhere, and overwrites the others (src/patchelf.cc, rewriteSectionsLibrary).
// None if there is room, if it doesn't matter, or if it can't be had for a few kilobytes.
std::vector<const Piece*> inTheWayOfPatchelf(const Draft& draft, size_t entries);

// Address minus file offset of the first segment.
uint64_t firstSegmentDelta(const Image& image);

// Whether AT_PHDR, which kernels before 5.18 compute as the first segment's address plus e_phoff
// (fs/binfmt_elf.c, create_elf_tables()), has to come out right: only a program's own table is
// looked up through it; a library's is read from the file.
bool needsExactTableAddress(const Image& image);

}  // namespace fixelf
