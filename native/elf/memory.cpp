#include "elf/memory.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr uint64_t kMostMemory = uint64_t{1} << 47U;  // TASK_SIZE of the largest address spaces

uint64_t pageStart(uint64_t address) {
  return address & ~(Memory::kPage - 1);
}

std::vector<ProgramHeader> segmentsOf(const Image& image, uint32_t type) {
  std::vector<ProgramHeader> segments;
  std::ranges::copy_if(image.programHeaders, std::back_inserter(segments),
                       [type](const ProgramHeader& each) { return each.type == type; });
  return segments;
}

// Linux, fs/binfmt_elf.c, load_elf_binary(): past the point of no return, so the process ends by
// SIGSEGV or SIGKILL.
std::optional<std::string> refusedByKernel(const Image& image,
                                           const std::vector<ProgramHeader>& loads) {
  for (const ProgramHeader& load : loads) {
    if (load.fileSize > load.memorySize)
      return "a segment has more bytes in the file than in memory, which the kernel refuses";
    if (load.memorySize > kMostMemory || load.virtualAddress > kMostMemory)
      return "a segment is larger than the address space, so the kernel cannot map it";
  }
  // Without it some machines let all memory be executed (READ_IMPLIES_EXEC).
  const uint32_t rights = image.segment(PT_GNU_STACK) == nullptr ? PF_W : PF_W | PF_X;
  for (const ProgramHeader& one : loads) {
    for (const ProgramHeader& other : loads) {
      // The later one wins, in whole pages; what has no bytes in the file is zeros until then.
      const bool files = one.fileSize > 0 && other.fileSize > 0;
      const uint64_t page = files ? Memory::kPage : 1;
      if (&one >= &other ||
          one.virtualAddress + one.fileSize <= (other.virtualAddress & ~(page - 1)) ||
          alignUp(other.virtualAddress + other.fileSize, page) <= one.virtualAddress)
        continue;
      const bool sameBytes = one.virtualAddress - one.offset == other.virtualAddress - other.offset;
      const bool losesRight = (one.flags & ~other.flags & rights) != 0;
      if (!sameBytes || losesRight)
        return "two of its segments are for the same pages, so that one hides the other";
    }
  }
  return std::nullopt;
}

// What the kernel tells the loader about the program (glibc elf/rtld.c, rtld_setup_main_map; musl
// ldso/dynlink.c, __dls3).
std::optional<std::string> refusedAtStart(const Image& image, const Memory& memory) {
  // Since Linux 5.18 AT_PHDR is where a segment maps the table, or 0.
  const auto table = image.virtualAddress(image.header.programHeaderOffset);
  if (!table) return "no segment maps its program headers, where its loader looks for them";
  const ProgramHeader* own = image.lastSegment(PT_PHDR);
  // The difference from where the kernel put it is taken for the program's load address.
  if (own != nullptr && own->virtualAddress != *table)
    return "PT_PHDR has another address than the program headers, so its loader takes all "
           "addresses "
           "for others";
  if (own == nullptr && image.header.type == ET_DYN)
    return "it has no PT_PHDR, so its loader takes 0 for the address that it has been put to";
  const ProgramHeader* name = image.lastSegment(PT_INTERP);
  if (name != nullptr && !memory.readable(name->virtualAddress, 1))
    return "PT_INTERP leads to memory that no segment maps, so its loader crashes";
  if (!memory.executable(image.header.entry))
    return "its entry point is in memory that may not be executed";
  if (image.dynamic.empty())
    return "it names a loader and has no dynamic table for it, so that crashes";
  return std::nullopt;
}

// Notes are read in memory, if they have the alignment of properties (glibc
// sysdeps/x86/dl-prop.h, _dl_process_property_note, and elf/dl-load.c,
// _dl_process_pt_gnu_property).
std::optional<std::string> unreadableNotes(const Image& image, const Memory& memory) {
  const uint16_t machine = image.header.machine;
  const bool x86 = machine == EM_X86_64 || machine == EM_386;
  if (!x86 && machine != EM_AARCH64) return std::nullopt;
  for (const ProgramHeader& segment : image.programHeaders) {
    const bool read = segment.type == PT_GNU_PROPERTY || (x86 && segment.type == PT_NOTE);
    if (!read || segment.alignment != image.codec.wordSize()) continue;
    constexpr uint64_t kHead = 12;
    if (!memory.readable(segment.virtualAddress, std::min(segment.memorySize, kHead)))
      return "a note is in memory that no segment maps, so its loader crashes";
  }
  return std::nullopt;
}

class DynamicTableCheck {
 public:
  DynamicTableCheck(const Image& image, const Memory& memory) : image_(image), memory_(memory) {}

  // elf/get-dynamic-info.h, elf/setup_hash.h, elf/dl-version.c, elf/dynamic-link.h of glibc.
  std::optional<std::string> find() {
    for (const auto& [tag, name] :
         {std::pair{int64_t{DT_STRTAB}, "DT_STRTAB"}, std::pair{int64_t{DT_SYMTAB}, "DT_SYMTAB"}}) {
      if (!image_.dynamicValue(tag))
        return std::string("its dynamic table has no ") + name + ", so its loader crashes";
    }
    constexpr Pointer kPointers[] = {{DT_STRTAB, "DT_STRTAB", 1}, {DT_SYMTAB, "DT_SYMTAB", 16},
                                     {DT_HASH, "DT_HASH", 8},     {DT_GNU_HASH, "DT_GNU_HASH", 16},
                                     {DT_VERSYM, "DT_VERSYM", 2}, {DT_VERNEED, "DT_VERNEED", 16},
                                     {DT_VERDEF, "DT_VERDEF", 20}};
    // An empty table is not read.
    for (const Pointer& pointer : kPointers)
      if (auto why = unreadable(pointer)) return why;
    const bool hashed = image_.dynamicValue(DT_GNU_HASH).has_value();
    if (!hashed)
      if (auto why = unreadable({DT_HASH, "DT_HASH", 8})) return why;
    const bool versions =
        image_.dynamicValue(DT_VERNEED).has_value() || image_.dynamicValue(DT_VERDEF).has_value();
    if (versions != image_.dynamicValue(DT_VERSYM).has_value())
      return "it has one of DT_VERSYM and the versions that it numbers without the other, so its "
             "loader crashes";
    return relocations();
  }

 private:
  struct Pointer {
    int64_t tag;
    const char* name;
    uint64_t least;  // bytes that are read in any case
  };

  [[nodiscard]] std::optional<std::string> unreadable(const Pointer& pointer) const {
    const auto address = image_.dynamicValue(pointer.tag);
    if (!address || memory_.readable(*address, pointer.least)) return std::nullopt;
    return std::string(pointer.name) +
           " leads to memory that no segment maps, so its loader crashes";
  }

  [[nodiscard]] std::optional<std::string> relocations() const {
    struct Table {
      int64_t tag;
      int64_t size;
      int64_t entry;
      uint64_t entrySize;
      const char* name;
    };
    const uint64_t word = image_.codec.wordSize();
    const Table tables[] = {{DT_RELA, DT_RELASZ, DT_RELAENT, 3 * word, "DT_RELA"},
                            {DT_REL, DT_RELSZ, DT_RELENT, 2 * word, "DT_REL"}};
    for (const auto& [tag, sizeTag, entryTag, entrySize, name] : tables) {
      const auto address = image_.dynamicValue(tag);
      if (!address || (tag == DT_REL && usesRela())) continue;
      const auto size = image_.dynamicValue(sizeTag);
      const auto entry = image_.dynamicValue(entryTag);
      if (!size || !entry || *entry != entrySize)
        return std::string(name) + " has no size, or entries of another size than its loader's";
      if (!memory_.readable(*address, *size))
        return std::string(name) + " leads to memory that no segment maps, so its loader crashes";
    }
    const auto kind = image_.dynamicValue(DT_PLTREL);
    if (!kind) return std::nullopt;
    if (*kind != (usesRela() ? DT_RELA : DT_REL) && (usesRela() || image_.header.machine == EM_386))
      return "DT_PLTREL says another kind of relocations than the machine has";
    const auto address = image_.dynamicValue(DT_JMPREL);
    const auto size = image_.dynamicValue(DT_PLTRELSZ);
    if (!address || !size) return "DT_PLTREL comes without DT_JMPREL or DT_PLTRELSZ";
    if (!memory_.readable(*address, *size))
      return "DT_JMPREL leads to memory that no segment maps, so its loader crashes";
    return lazyBinding();
  }

  // elf_machine_runtime_setup of sysdeps/*/dl-machine.h: the second and third entries are the
  // loader's own if functions are bound when they are called.
  [[nodiscard]] std::optional<std::string> lazyBinding() const {
    const uint16_t machine = image_.header.machine;
    if (image_.bindsNow() || (machine != EM_X86_64 && machine != EM_386 && machine != EM_AARCH64))
      return std::nullopt;
    const auto table = image_.dynamicValue(DT_PLTGOT);
    if (!table || !memory_.writable(*table, 3 * image_.codec.wordSize()))
      return "DT_PLTGOT leads to no memory that may be written to, so its loader crashes";
    return std::nullopt;
  }

  // ELF_MACHINE_NO_REL of glibc's sysdeps/*/dl-machine.h.
  [[nodiscard]] bool usesRela() const {
    constexpr uint16_t kMachines[] = {EM_X86_64, EM_AARCH64, EM_RISCV, EM_PPC64, EM_S390, 258};
    return std::ranges::find(kMachines, image_.header.machine) != std::end(kMachines);
  }

  const Image& image_;
  const Memory& memory_;
};

std::optional<std::string> refusedByGlibc(const Image& image, const Memory& memory) {
  if (image.dynamic.empty()) return std::nullopt;
  const uint64_t bytes = (image.dynamic.size() + 1) * image.codec.dynamicEntrySize();
  const ProgramHeader* dynamic = image.dynamicSegment();
  if (dynamic == nullptr || !memory.readable(dynamic->virtualAddress, bytes))
    return "its dynamic table is in memory that cannot be read, so its loader crashes";
  if ((dynamic->flags & PF_W) != 0 && !memory.writable(dynamic->virtualAddress, bytes))
    return "its dynamic table is in memory that cannot be written to, so its loader crashes";
  if (auto why = DynamicTableCheck(image, memory).find()) return why;
  if (auto why = unreadableNotes(image, memory)) return why;
  // _dl_protect_relro: "cannot apply additional memory protection after relocation".
  if (const ProgramHeader* relro = image.lastSegment(PT_GNU_RELRO)) {
    const uint64_t start = pageStart(relro->virtualAddress);
    const uint64_t end = pageStart(relro->memoryEnd());
    if (start != end && (end < start || !memory.mapped(start, end - start)))
      return "PT_GNU_RELRO covers memory that no segment maps, which its loader cannot protect";
  }
  return std::nullopt;
}

}  // namespace

Memory::Memory(const Image& image, uint64_t fileSize) {
  for (const ProgramHeader& load : segmentsOf(image, PT_LOAD)) {
    if (load.memorySize == 0 || load.memorySize > kMostMemory || load.virtualAddress > kMostMemory)
      continue;
    const uint64_t start = pageStart(load.virtualAddress);
    uint64_t end = alignUp(load.memoryEnd(), kPage);
    if (load.fileEnd() > fileSize) {
      // The last page of the file is whole.
      const uint64_t there = alignUp(fileSize, kPage);
      const uint64_t first = pageStart(load.offset);
      end = std::min(end, start + (there > first ? there - first : 0));
    }
    if (end > start) pages_.push_back({start, end, load.flags});
  }
  std::ranges::sort(pages_, {}, &Pages::start);
}

bool Memory::covered(uint64_t address, uint64_t size, uint32_t flags) const {
  if (size == 0) return true;
  if (size > UINT64_MAX - address) return false;
  const uint64_t end = address + size;
  for (const Pages& pages : pages_) {
    // What is writable is also readable; what is only executable need not be readable, though it
    // can be.
    const bool permitted = flags == 0 || (pages.flags & flags) != 0;
    if (!permitted || address < pages.start || address >= pages.end) continue;
    address = pages.end;
    if (address >= end) return true;
  }
  return false;
}

Damage damageIn(const Image& image, uint64_t fileSize) {
  if (image.header.type != ET_EXEC && image.header.type != ET_DYN) return {};
  const auto loads = segmentsOf(image, PT_LOAD);
  if (loads.empty()) return {"it has no segment that is loaded", {}};
  if (auto why = refusedByKernel(image, loads)) return {std::move(why), {}};
  const Memory memory(image, fileSize);
  if (image.segment(PT_INTERP) != nullptr) {
    if (auto why = refusedAtStart(image, memory)) return {std::move(why), {}};
  }
  return {{}, refusedByGlibc(image, memory)};
}

}  // namespace fixelf
