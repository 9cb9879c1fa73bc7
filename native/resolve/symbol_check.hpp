// Whether each symbol that is bound at start is defined by one of the objects that are loaded:
// _dl_relocate_object and _dl_lookup_symbol_x in glibc's elf/, do_relocs and find_sym in musl's
// ldso/dynlink.c.
#pragma once

#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// Fills in `resolution`'s missing symbols, and its load problems. `scope` is of `objects`, in the
// order in which symbols are looked for. Nothing is said where a table of an object cannot be read,
// and for machines whose relocations are not known.
void checkSymbols(Files& files, InstalledLoader& loader, const std::vector<Object>& objects,
                  const std::vector<size_t>& scope, bool bindNow, Resolution& resolution);

}  // namespace fixelf
