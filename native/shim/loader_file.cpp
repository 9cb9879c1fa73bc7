#include "loader_file.hpp"

#include <asm/errno.h>
#include <linux/mman.h>

#include <span>

#include "machine.hpp"
#include "path.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

// glibc's loaders take less than half a megabyte, musl's, which is its whole libc, less than one.
constexpr Word kMostMemory = Word{256} << 20;

// What distinguishes a stand-in loader from a real one. The linker puts it into a PT_NOTE segment:
// name and descriptor sizes, type, name (gABI, "Note Section").
struct Mark {
  std::uint32_t nameSize;
  std::uint32_t descriptorSize;
  std::uint32_t type;
  char name[12];
};
[[gnu::section(".note.fixelf"), gnu::used]] alignas(4) constexpr Mark kMark = {10, 0, 1,
                                                                               "fixelf-ld"};

int protectionOf(const ProgramHeader& segment) {
  int protection = PROT_NONE;
  if ((segment.p_flags & PF_R) != 0) protection |= PROT_READ;
  if ((segment.p_flags & PF_W) != 0) protection |= PROT_WRITE;
  if ((segment.p_flags & PF_X) != 0) protection |= PROT_EXEC;
  return protection;
}

Problem damaged(Text how) {
  Problem problem;
  problem.flaw = Flaw::Damaged;
  problem.detail = how;
  return problem;
}

Problem failed(Flaw flaw, long error) {
  Problem problem;
  problem.flaw = flaw;
  problem.error = static_cast<int>(-error);
  return problem;
}

std::span<const ProgramHeader> firstOf(const ProgramHeader* headers, std::size_t count) {
  return {headers, count};
}

}  // namespace

Problem LoaderFile::open(const char* path) {
  close();
  const long file = openFile(path);
  if (file == -ENOENT || file == -ENOTDIR) return failed(Flaw::NotThere, file);
  if (file < 0) return failed(Flaw::Unreadable, file);
  file_ = static_cast<int>(file);

  const Problem problem = readHeaders();
  return problem.isNone() ? checkSegments() : problem;
}

bool LoaderFile::isOfGlibc() const {
  Path link;
  link << "/proc/self/fd/" << Digits(static_cast<unsigned>(file_)).text();
  Path file;
  if (!file.readLinkAt(link.get())) return false;
  const Text name = Text::of(file.get()).behindLast('/');
  // Every port's name, and the one of glibc as installed before 2.34.
  return name.startsWith("ld-linux") || name.startsWith("ld-2.");
}

void LoaderFile::close() {
  if (file_ >= 0) closeFile(file_);
  file_ = -1;
}

Problem LoaderFile::readHeaders() {
  const long size = sizeOfFile(file_);
  if (size < 0) return failed(Flaw::Unreadable, size);
  size_ = static_cast<Word>(size);

  long status = readFile(file_, 0, &header_, sizeof header_);
  if (status == -ENODATA) return failed(Flaw::NotElf, 0);
  if (status < 0) return failed(Flaw::Unreadable, status);
  const unsigned char* identity = header_.e_ident;
  if (__builtin_memcmp(identity, ELFMAG, SELFMAG) != 0) return failed(Flaw::NotElf, 0);

  constexpr unsigned char kClass = sizeof(Word) == 8 ? ELFCLASS64 : ELFCLASS32;
  const bool bigEndian = identity[EI_DATA] == ELFDATA2MSB;
  Problem otherMachine;
  otherMachine.flaw = Flaw::OtherMachine;
  otherMachine.machine = bigEndian ? __builtin_bswap16(header_.e_machine) : header_.e_machine;
  if (identity[EI_CLASS] != kClass || bigEndian || header_.e_machine != kMachine)
    return otherMachine;

  if (header_.e_type == ET_EXEC) return failed(Flaw::NotALoader, 0);
  if (header_.e_type != ET_DYN) return damaged("it is neither a library nor a program");
  if (header_.e_phentsize != sizeof(ProgramHeader) || header_.e_phnum == 0)
    return damaged("it has no program headers");
  if (header_.e_phnum > kMostHeaders) return damaged("it has too many program headers");

  const std::size_t tableSize = header_.e_phnum * sizeof(ProgramHeader);
  if (header_.e_phoff > size_ || tableSize > size_ - header_.e_phoff)
    return damaged("it ends before its program headers do");
  status = readFile(file_, header_.e_phoff, &programHeaders_, tableSize);
  return status < 0 ? failed(Flaw::Unreadable, status) : Problem();
}

Problem LoaderFile::checkSegments() {
  bool any = false;
  bool entered = false;
  for (const ProgramHeader& segment : firstOf(programHeaders_, header_.e_phnum)) {
    if (segment.p_type == PT_INTERP) return failed(Flaw::NotALoader, 0);
    // A stand-in that starts a stand-in would never end.
    if (segment.p_type == PT_NOTE && isMark(segment)) return failed(Flaw::StandIn, 0);
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;

    Word fileEnd = 0;
    Word memoryEnd = 0;
    if (__builtin_add_overflow(segment.p_offset, segment.p_filesz, &fileEnd) ||
        __builtin_add_overflow(segment.p_vaddr, segment.p_memsz, &memoryEnd) ||
        memoryEnd > ~Word{0} - pageSize_ || segment.p_filesz > segment.p_memsz)
      return damaged("the sizes in its program headers contradict each other");
    if (fileEnd > size_) return damaged("it ends before its segments do");
    if (((segment.p_vaddr - segment.p_offset) & (pageSize_ - 1)) != 0)
      return damaged("its segments do not lie at the starts of pages");
    if (any && pageStart(segment.p_vaddr) < end_)
      return damaged("its segments overlap or are not in their order");
    // Zeros that begin in the middle of a page have to be written.
    const bool ragged = segment.p_filesz < segment.p_memsz && segment.p_filesz > 0;
    if (ragged && (segment.p_flags & PF_W) == 0)
      return damaged("a segment that is partly zeroes cannot be written");

    if (!any) start_ = pageStart(segment.p_vaddr);
    any = true;
    end_ = pageEnd(memoryEnd);
    if (end_ - start_ > kMostMemory) return damaged("it asks for too much memory");

    const bool holdsEntry =
        header_.e_entry >= segment.p_vaddr && header_.e_entry - segment.p_vaddr < segment.p_filesz;
    if (holdsEntry && (segment.p_flags & PF_X) != 0) entered = true;
  }
  if (!any) return damaged("it has no segments to load");
  // Libraries have 0 there, where their own header is.
  if (!entered || header_.e_entry == 0) return failed(Flaw::NotALoader, 0);
  return {};
}

Problem LoaderFile::map(Mapping& mapping) {
  // All of it is reserved first, so that its parts cannot collide with anything that is already
  // there.
  const Word reserved = mapAnonymous(end_ - start_, PROT_NONE);
  if (isError(reserved)) return failed(Flaw::Unmappable, -errorOf(reserved));
  const Word base = reserved - start_;

  for (const ProgramHeader& segment : firstOf(programHeaders_, header_.e_phnum)) {
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
    if (const Problem problem = mapSegment(segment, base); !problem.isNone()) return problem;
  }
  close();
  base_ = base;
  mapping = {base, base + header_.e_entry};
  return {};
}

const ProgramHeader* LoaderFile::segmentOf(Word address, std::size_t size) const {
  for (const ProgramHeader& segment : firstOf(programHeaders_, header_.e_phnum))
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_R) != 0 && address >= segment.p_vaddr &&
        size <= segment.p_filesz && address - segment.p_vaddr <= segment.p_filesz - size)
      return &segment;
  return nullptr;
}

const void* LoaderFile::mapped(Word address, std::size_t size) const {
  if (segmentOf(address, size) == nullptr) return nullptr;
  return reinterpret_cast<const void*>(base_ + address);
}

const ProgramHeader* LoaderFile::find(Word type) const {
  for (const ProgramHeader& segment : firstOf(programHeaders_, header_.e_phnum))
    if (segment.p_type == type) return &segment;
  return nullptr;
}

Problem LoaderFile::mapSegment(const ProgramHeader& segment, Word base) const {
  const int protection = protectionOf(segment);
  const Word start = base + segment.p_vaddr;
  const Word contentEnd = start + segment.p_filesz;
  const Word end = start + segment.p_memsz;
  Word zeroes = pageStart(start);  // the first page that is all zeroes

  if (segment.p_filesz > 0) {
    const Word lead = start - pageStart(start);
    const Word mapped = mapFile(pageStart(start), lead + segment.p_filesz, protection, file_,
                                segment.p_offset - lead);
    if (isError(mapped)) return failed(Flaw::Unmappable, -errorOf(mapped));
    zeroes = pageEnd(contentEnd);
    if (segment.p_memsz > segment.p_filesz)
      __builtin_memset(reinterpret_cast<void*>(contentEnd), 0, zeroes - contentEnd);
  }
  if (end > zeroes) {
    const Word mapped = mapZeroes(zeroes, pageEnd(end) - zeroes, protection);
    if (isError(mapped)) return failed(Flaw::Unmappable, -errorOf(mapped));
  }
  return {};
}

bool LoaderFile::isMark(const ProgramHeader& note) const {
  Mark mark = {};
  return note.p_filesz == sizeof mark && readFile(file_, note.p_offset, &mark, sizeof mark) == 0 &&
         __builtin_memcmp(&mark, &kMark, sizeof mark) == 0;
}

}  // namespace fixelf::shim
