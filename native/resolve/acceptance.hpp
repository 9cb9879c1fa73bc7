// Whether the loader takes a file it has found: what it checks before it maps anything.
#pragma once

#include <string>

#include "resolve/files.hpp"
#include "resolve/loader.hpp"

namespace fixelf {

// Why a path was not taken, for programs; each has a stable word of its own, see triedCode().
enum class Refusal {
  None,
  Missing,
  DirectoryMissing,
  Unreadable,
  TooManyLinks,
  NotRegular,
  NotElf,
  Malformed,
  WrongMachine,
  WrongClass,
  WrongByteOrder,
  WrongAbi,
  WrongOperatingSystem,
  NotALibrary,
  NotSetUserId,
  EmptyName,
  TokenWithoutValue,
  SameFile,
  IsLibc,
};

// "missing", "directory-missing", "wrong-machine" …
const char* refusalCode(Refusal refusal);

// What the loader does after looking at one path.
enum class Step {
  Found,
  NextPlace,
  NextList,  // open_path gives up the whole list: the kernel refused for an unusual reason
  Stop,      // the loader ends the program with an error
};

struct Verdict {
  Step step = Step::Found;
  Refusal refusal = Refusal::None;
  std::string why;  // a plain sentence without the path; empty if it is taken

  [[nodiscard]] bool wrongMachine() const {
    return refusal == Refusal::WrongMachine || refusal == Refusal::WrongClass ||
           refusal == Refusal::WrongByteOrder || refusal == Refusal::WrongAbi;
  }
};

// glibc: open_verify and _dl_map_object_from_fd in elf/dl-load.c.
Verdict judgeGlibc(const Lookup& lookup, const FileHeader& program, const LoaderProfile& loader);
// musl: map_library in ldso/dynlink.c.
Verdict judgeMusl(const Lookup& lookup, const FileHeader& program);

// Why `library` cannot be loaded into a program of `program`'s machine, class and byte order, as a
// sentence; empty if it can.
std::string wrongMachineReason(const FileHeader& library, const FileHeader& program);

}  // namespace fixelf
