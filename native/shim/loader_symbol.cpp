#include "loader_symbol.hpp"

#include "program.hpp"

namespace fixelf::shim {

namespace {

#if __SIZEOF_POINTER__ == 8
using Symbol = Elf64_Sym;
#else
using Symbol = Elf32_Sym;
#endif

// glibc's loaders export some 40 names, musl's, which is its whole libc, some 1,700.
constexpr Word kMostSymbols = 10'000;

struct Tables {
  Word symbols = 0;
  Word strings = 0;
};

Tables tablesOf(const LoaderFile& loader) {
  Tables tables;
  const ProgramHeader* dynamic = loader.find(PT_DYNAMIC);
  if (dynamic == nullptr) return tables;
  for (Word at = 0; at < dynamic->p_filesz; at += sizeof(DynamicEntry)) {
    const void* here = loader.mapped(dynamic->p_vaddr + at, sizeof(DynamicEntry));
    if (here == nullptr) break;
    const auto* entry = static_cast<const DynamicEntry*>(here);
    if (entry->tag == DT_NULL) break;
    if (entry->tag == DT_SYMTAB) tables.symbols = entry->value;
    if (entry->tag == DT_STRTAB) tables.strings = entry->value;
  }
  return tables;
}

}  // namespace

Word functionOf(const LoaderFile& loader, Text name) {
  const Tables tables = tablesOf(loader);
  // No entry holds their number. Linkers put the names behind them, which glibc relies on too if a
  // file has no DT_HASH (elf/dl-addr.c, determine_info).
  for (Word index = 1; index < kMostSymbols; ++index) {
    const Word at = tables.symbols + index * sizeof(Symbol);
    if (at >= tables.strings) break;
    const void* here = loader.mapped(at, sizeof(Symbol));
    if (here == nullptr) break;
    const auto* symbol = static_cast<const Symbol*>(here);
    if (symbol->st_shndx == SHN_UNDEF || (symbol->st_info & 0xf) != STT_FUNC) continue;
    const void* text = loader.mapped(tables.strings + symbol->st_name, name.size + 1);
    if (text == nullptr) continue;
    const auto* characters = static_cast<const char*>(text);
    if (characters[name.size] == '\0' && Text(characters, name.size) == name)
      return symbol->st_value;
  }
  return 0;
}

}  // namespace fixelf::shim
