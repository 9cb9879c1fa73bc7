#include "resolve/acceptance.hpp"

namespace fixelf {

namespace {

// LIBC_ABI_MAX of glibc's libc-abis, the first EI_ABIVERSION that is too new: the base is 0, and
// STB_GNU_UNIQUE, absolute symbols, STT_GNU_IFUNC (x86) and three features of MIPS add one each.
uint8_t firstUnknownAbiVersion(uint16_t machine) {
  if (machine == EM_MIPS) return 6;
  return machine == EM_X86_64 || machine == EM_386 ? 4 : 3;
}

Verdict wrongMachine(const FileHeader& library, const FileHeader& program) {
  const auto skip = [](Refusal refusal, std::string why) {
    return Verdict{Step::NextPlace, refusal, std::move(why)};
  };
  if (library.machine != program.machine) {
    return skip(Refusal::WrongMachine, "it is for " + machineName(library.machine) + ", not " +
                                           machineName(program.machine));
  }
  if (library.fileClass != program.fileClass) {
    return skip(Refusal::WrongClass, library.fileClass == Class::Elf32
                                         ? "it is 32-bit, not 64-bit"
                                         : "it is 64-bit, not 32-bit");
  }
  if (library.byteOrder != program.byteOrder) {
    return skip(Refusal::WrongByteOrder, library.byteOrder == ByteOrder::Big
                                             ? "it is big-endian, not little-endian"
                                             : "it is little-endian, not big-endian");
  }
  // elf_machine_matches_host in each sysdeps/*/dl-machine.h: what must be equal besides the
  // machine.
  const char* const floats = "it is for another floating-point ABI";
  switch (library.machine) {
    case EM_RISCV:  // EF_RISCV_FLOAT_ABI
      if ((library.flags & 6) != (program.flags & 6)) return skip(Refusal::WrongAbi, floats);
      break;
    case EM_ARM: {
      const uint32_t other = (program.flags & EF_ARM_ABI_FLOAT_HARD) != 0 ? EF_ARM_ABI_FLOAT_SOFT
                                                                          : EF_ARM_ABI_FLOAT_HARD;
      const bool version5 = (library.flags & EF_ARM_EABIMASK) == EF_ARM_EABI_VER5;
      if (version5 && (library.flags & other) != 0) return skip(Refusal::WrongAbi, floats);
      break;
    }
    case EM_MIPS:
      if ((library.flags & EF_MIPS_NAN2008) != (program.flags & EF_MIPS_NAN2008) ||
          (library.flags & EF_MIPS_ABI2) != (program.flags & EF_MIPS_ABI2)) {
        return skip(Refusal::WrongAbi, "it is for another MIPS ABI");
      }
      break;
    case EM_PPC64: {
      // EF_PPC64_ABI; 0 is either.
      const uint32_t own = program.byteOrder == ByteOrder::Little ? 2 : 1;
      const uint32_t abi = library.flags & 3;
      if (abi != 0 && abi != ((program.flags & 3) != 0 ? program.flags & 3 : own)) {
        return skip(Refusal::WrongAbi, "it is for another ELF ABI of ppc64");
      }
      break;
    }
    default:
      break;
  }
  return {};
}

const char* describeKind(Kind kind) {
  switch (kind) {
    case Kind::Executable:
    case Kind::Pie:
      return "a program";
    case Kind::Static:
    case Kind::StaticPie:
      return "a static program";
    case Kind::Relocatable:
      return "an object file";
    case Kind::Core:
      return "a core dump";
    case Kind::DebugInformation:
      return "debug information";
    case Kind::Shared:
    case Kind::Other:
      break;
  }
  return "a file of an unknown type";
}

Verdict notALibrary(const Facts& facts) {
  return {
      Step::Stop, Refusal::NotALibrary,
      "it is " + std::string(describeKind(facts.kind)) + ", which cannot be loaded as a library"};
}

// None for an ELF file; `atLinks` is the step for links that form a circle.
std::optional<Verdict> judgeUnread(const Lookup& lookup, Step atLinks) {
  switch (lookup.state) {
    case Lookup::Missing:
      return Verdict{Step::NextPlace, Refusal::Missing, lookup.message};
    case Lookup::Unreadable:
      if (lookup.tooManyLinks) return Verdict{atLinks, Refusal::TooManyLinks, lookup.message};
      return Verdict{Step::NextPlace, Refusal::Unreadable, lookup.message};
    // It can be opened, so the search ends here: "cannot read file data", "invalid ELF header",
    // "file too short".
    case Lookup::NotRegular:
      return Verdict{Step::Stop, Refusal::NotRegular, lookup.message};
    case Lookup::NotElf:
      return Verdict{Step::Stop, Refusal::NotElf, lookup.message};
    case Lookup::Malformed:
      return Verdict{Step::Stop, Refusal::Malformed, lookup.message};
    case Lookup::Elf:
      break;
  }
  return std::nullopt;
}

}  // namespace

const char* refusalCode(Refusal refusal) {
  switch (refusal) {
    case Refusal::None:
      return "none";
    case Refusal::Missing:
      return "missing";
    case Refusal::DirectoryMissing:
      return "directory-missing";
    case Refusal::Unreadable:
      return "unreadable";
    case Refusal::TooManyLinks:
      return "too-many-links";
    case Refusal::NotRegular:
      return "not-regular";
    case Refusal::NotElf:
      return "not-elf";
    case Refusal::Malformed:
      return "malformed";
    case Refusal::WrongMachine:
      return "wrong-machine";
    case Refusal::WrongClass:
      return "wrong-class";
    case Refusal::WrongByteOrder:
      return "wrong-byte-order";
    case Refusal::WrongAbi:
      return "wrong-abi";
    case Refusal::WrongOperatingSystem:
      return "wrong-operating-system";
    case Refusal::NotALibrary:
      return "not-a-library";
    case Refusal::NotSetUserId:
      return "not-set-user-id";
    case Refusal::EmptyName:
      return "empty-name";
    case Refusal::TokenWithoutValue:
      return "token-without-value";
    case Refusal::SameFile:
      return "same-file";
    case Refusal::IsLibc:
      return "is-libc";
  }
  return "none";
}

std::string wrongMachineReason(const FileHeader& library, const FileHeader& program) {
  return wrongMachine(library, program).why;
}

Verdict judgeGlibc(const Lookup& lookup, const FileHeader& program, const LoaderProfile& loader) {
  // open_path goes on to the next directory only for ENOENT and EACCES.
  if (const auto verdict = judgeUnread(lookup, Step::NextList)) return *verdict;
  const FileHeader& header = lookup.facts->header;
  Verdict wrong = wrongMachine(header, program);
  // Class, byte order and OS ABI are compared in this order, and before the machine.
  if (header.fileClass != program.fileClass) return wrong;
  if (loader.skipsByteOrder &&
      (wrong.refusal == Refusal::WrongMachine || wrong.refusal == Refusal::WrongByteOrder)) {
    return wrong;
  }
  if (header.byteOrder != program.byteOrder) {
    wrong.step = Step::Stop;
    return wrong;
  }
  if (header.osAbi != ELFOSABI_SYSV && header.osAbi != ELFOSABI_GNU) {
    return {Step::Stop, Refusal::WrongAbi, "its OS ABI is " + osAbiName(header.osAbi)};
  }
  const uint8_t limit = header.osAbi == ELFOSABI_GNU ? firstUnknownAbiVersion(header.machine) : 1;
  if (header.abiVersion >= limit) {
    return {Step::Stop, Refusal::WrongAbi,
            "its ABI version " + std::to_string(header.abiVersion) + " is not known to the loader"};
  }
  if (header.identPadded) {
    return {Step::Stop, Refusal::Malformed, "the padding of e_ident is not zero"};
  }
  if (wrong.step != Step::Found) return wrong;
  if (header.type != ET_DYN && header.type != ET_EXEC) return notALibrary(*lookup.facts);
  const auto& tag = lookup.facts->notes.abiTag;
  if (tag && loader.checksAbiTag() && tag->operatingSystem != "linux") {
    return {Step::NextPlace, Refusal::WrongOperatingSystem,
            "its ABI tag says that it is for " + tag->operatingSystem};
  }
  if (header.type != ET_DYN || (lookup.facts->flags1 & DF_1_PIE) != 0) {
    return notALibrary(*lookup.facts);
  }
  if (lookup.facts->dynamic != DynamicTable::Present) {
    return {Step::Stop, Refusal::Malformed, "it has no dynamic section"};
  }
  return {};
}

Verdict judgeMusl(const Lookup& lookup, const FileHeader& program) {
  if (const auto verdict = judgeUnread(lookup, Step::Stop)) return *verdict;
  // musl maps the first file of that name, whatever it is for, and fails at its first relocation.
  Verdict wrong = wrongMachine(lookup.facts->header, program);
  if (wrong.step != Step::Found) {
    wrong.step = Step::Stop;
    return wrong;
  }
  if (lookup.facts->header.type != ET_DYN || (lookup.facts->flags1 & DF_1_PIE) != 0) {
    return notALibrary(*lookup.facts);
  }
  return {};
}

}  // namespace fixelf
