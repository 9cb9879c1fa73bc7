// Whether each symbol that is bound at startup is defined by one of the loaded objects:
// _dl_relocate_object and _dl_lookup_symbol_x in glibc's elf/, do_relocs and find_sym in musl's
// ldso/dynlink.c.
#pragma once

#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// Fills in `resolution`'s missing symbols, and its load problems. `scope` indexes `objects`, in the
// order in which symbols are looked for. Nothing is reported if a table of an object cannot be
// read, or for machines whose relocations are not known.
void checkSymbols(Files& files, InstalledLoader& loader, const std::vector<Object>& objects,
                  const std::vector<size_t>& scope, bool bindNow, Resolution& resolution);

}  // namespace fixelf
