// The real loader: opened, checked, and mapped as the kernel would have mapped it if the program
// had named it (fs/binfmt_elf.c, load_elf_interp). Anything that NIX_LD names is opened here, so no
// number in it is believed before it is compared with the file's size.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>

#include "stack.hpp"

namespace fixelf::shim {

#if __SIZEOF_POINTER__ == 8
using FileHeader = Elf64_Ehdr;
using ProgramHeader = Elf64_Phdr;
#else
using FileHeader = Elf32_Ehdr;
using ProgramHeader = Elf32_Phdr;
#endif

enum class Flaw : std::uint8_t {
  None,
  NotThere,
  Unreadable,  // `error` has the reason
  NotElf,
  OtherMachine,  // `machine` is its own
  NotALoader,    // a program, or a library
  StandIn,       // this very file, or another version of it
  OtherLibc,     // glibc's, for a program that is for musl
  Damaged,       // `detail` has the reason
  Unmappable,    // `error` has the reason
};

struct Problem {
  Flaw flaw = Flaw::None;
  int error = 0;
  unsigned machine = 0;
  Text detail;

  [[nodiscard]] bool isNone() const { return flaw == Flaw::None; }
};

struct Mapping {
  Word base = 0;   // what its addresses are relative to: AT_BASE
  Word entry = 0;  // where it starts, as an address of this process
};

class LoaderFile {
 public:
  explicit LoaderFile(std::size_t pageSize) : pageSize_(pageSize) {}
  ~LoaderFile() { close(); }
  LoaderFile(const LoaderFile&) = delete;
  LoaderFile& operator=(const LoaderFile&) = delete;

  // Opens the file and checks that it is a loader for this machine that can be mapped.
  Problem open(const char* path);
  // After open. Whether it is glibc's, by the name that it really has.
  [[nodiscard]] bool isOfGlibc() const;
  // After open. On failure, what was mapped stays: the process then ends.
  Problem map(Mapping& mapping);
  // After map. Where the file's bytes with these addresses are, if all of them may be read;
  // otherwise null.
  [[nodiscard]] const void* mapped(Word address, std::size_t size) const;
  // The segment (PT_LOAD) with these bytes, if all of them may be read; otherwise null.
  [[nodiscard]] const ProgramHeader* segmentOf(Word address, std::size_t size) const;
  // The first of a type (PT_*), or null.
  [[nodiscard]] const ProgramHeader* find(Word type) const;

  [[nodiscard]] Word pageStart(Word address) const { return address & ~(pageSize_ - 1); }
  // Only for what checkSegments has seen: it must not overflow.
  [[nodiscard]] Word pageEnd(Word address) const { return pageStart(address + pageSize_ - 1); }

 private:
  void close();
  Problem readHeaders();
  Problem checkSegments();
  [[nodiscard]] Problem mapSegment(const ProgramHeader& segment, Word base) const;
  [[nodiscard]] bool isMark(const ProgramHeader& note) const;

  // glibc's have a dozen, musl's fewer.
  static constexpr std::size_t kMostHeaders = 32;

  std::size_t pageSize_;
  int file_ = -1;
  Word size_ = 0;
  FileHeader header_ = {};
  ProgramHeader programHeaders_[kMostHeaders] = {};
  // The pages that its segments take, relative to its base.
  Word start_ = 0;
  Word end_ = 0;
  // After map.
  Word base_ = 0;
};

}  // namespace fixelf::shim
