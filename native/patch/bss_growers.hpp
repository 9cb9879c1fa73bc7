// Tools that add to a program by making its .bss part of the file, and so rely on nothing following
// it, in the file or in memory: they mistake whatever is appended there for something else,
// wherever its address is.
#pragma once

#include "patch/draft.hpp"

namespace fixelf {

// Whether a program is Bun, which makes others out of copies of itself (`bun build --compile`): it
// grows the first writable segment past all others, and moves what follows it in the file but not
// the program headers for it (src/exe_format/elf.zig, writeBunSection). The programs it makes don't
// do so.
bool isBun(const Draft& draft);

// Whether LIEF, and so postject, which builds Node's single executables, would grow .bss to make
// room for a program header: it does where no two segments have room for a second table between
// them in the file (src/ELF/Binary.cpp, relocate_phdr_table_v1 and _v2). Judged by the draft's
// segments, its new ones, and `more` entries.
bool growsByLief(const Draft& draft, size_t more);

// The room it wants between two segments for that many entries.
uint64_t roomForLief(const Codec& codec, size_t entries);

}  // namespace fixelf
