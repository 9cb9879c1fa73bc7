#include "patch/pointers.hpp"

#include <elf.h>

namespace fixelf {

namespace {

bool isMipsAddressTag(int64_t tag) {
  switch (tag) {
    case DT_MIPS_BASE_ADDRESS:
    case DT_MIPS_MSYM:
    case DT_MIPS_CONFLICT:
    case DT_MIPS_LIBLIST:
    case DT_MIPS_RLD_MAP:
    case DT_MIPS_DELTA_CLASS:
    case DT_MIPS_DELTA_INSTANCE:
    case DT_MIPS_DELTA_RELOC:
    case DT_MIPS_DELTA_SYM:
    case DT_MIPS_DELTA_CLASSSYM:
    case DT_MIPS_PIXIE_INIT:
    case DT_MIPS_SYMBOL_LIB:
    case DT_MIPS_OPTIONS:
    case DT_MIPS_INTERFACE:
    case DT_MIPS_DYNSTR_ALIGN:
    case DT_MIPS_COMPACT_SIZE:
    case DT_MIPS_GP_VALUE:
    case DT_MIPS_AUX_DYNAMIC:
    case DT_MIPS_PLTGOT:
    case DT_MIPS_RWPLT:
    case 0x70000036:  // DT_MIPS_XHASH
      return true;
    default:
      return false;
  }
}

}  // namespace

bool isAddressTag(int64_t tag, uint16_t machine) {
  if (tag >= DT_ADDRRNGLO && tag <= DT_ADDRRNGHI) return true;
  switch (tag) {
    case DT_PLTGOT:
    case DT_HASH:
    case DT_STRTAB:
    case DT_SYMTAB:
    case DT_RELA:
    case DT_INIT:
    case DT_FINI:
    case DT_REL:
    case DT_JMPREL:
    case DT_INIT_ARRAY:
    case DT_FINI_ARRAY:
    case DT_PREINIT_ARRAY:
    case 34:          // DT_SYMTAB_SHNDX
    case 36:          // DT_RELR
    case 0x6000000f:  // DT_ANDROID_REL
    case 0x60000011:  // DT_ANDROID_RELA
    case 0x6fffe000:  // DT_ANDROID_RELR
    case DT_VERSYM:
    case DT_VERDEF:
    case DT_VERNEED:
      return true;
    default:
      break;
  }
  switch (machine) {
    case EM_MIPS:
      return isMipsAddressTag(tag);
    case EM_PPC:
      return tag == DT_PPC_GOT;
    case EM_PPC64:
      return tag == DT_PPC64_GLINK || tag == DT_PPC64_OPD;
    case EM_X86_64:
    case EM_IA_64:
      return tag == DT_LOPROC;  // DT_X86_64_PLT, DT_IA_64_PLT_RESERVE
    default:
      return false;
  }
}

}  // namespace fixelf
