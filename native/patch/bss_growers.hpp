// Tools that add to a program by making its .bss part of the file, and so count on nothing behind
// it, in the file or in memory: what is appended there they take for something else, wherever its
// address is.
#pragma once

#include "patch/draft.hpp"

namespace fixelf {

// Whether a program is Bun, which makes others of its own copies (`bun build --compile`): it grows
// the first writable segment past all others, and moves what follows it in the file without its
// program headers (src/exe_format/elf.zig, writeBunSection). What it has made does not do so again.
bool isBun(const Draft& draft);

// Whether LIEF, and so postject, which put Node's single executables together, would grow .bss to
// get room for a program header: where no two segments have room for a second table between them
// in the file (src/ELF/Binary.cpp, relocate_phdr_table_v1 and _v2). Asked of the draft's segments,
// its new ones, and `more` entries.
bool growsByLief(const Draft& draft, size_t more);

// What it wants between two segments, with so many entries.
uint64_t roomForLief(const Codec& codec, size_t entries);

}  // namespace fixelf
