// The skeleton of one ELF file: its header, its program headers, its dynamic table.
//
// This is all that the kernel and the dynamic linker use, so it is all that Facts, Resolution and
// patching start from; section headers are optional in every file and are read separately.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "elf/format.hpp"
#include "elf/source.hpp"

namespace fixelf {

// Limits on what one file can make us hold. They are far above what any real program needs.
struct Limits {
  static constexpr uint64_t kProgramHeaderTable = 65536;  // the kernel's own (load_elf_phdrs)
  static constexpr uint64_t kSectionHeaderTable = 64U << 20;
  static constexpr uint64_t kDynamicTable = 16U << 20;
  static constexpr uint64_t kString = 4U << 20;
  static constexpr uint64_t kStrings = 32U << 20;  // all names of one file together
  static constexpr uint64_t kVersionRecords = 1U << 17;
  static constexpr uint64_t kNotes = 1U << 20;  // bytes of those that are read
  static constexpr uint64_t kNotesLookedAt = 1U << 16;
};

class Image {
 public:
  // Fails with NotElf, Truncated or Malformed; the error carries no path, which the caller knows.
  static Result<Image> read(const Source& source);
  // For a file that was split off a program or library together with its program headers: none of
  // the segments that they describe is here, so the image has none. NotElf for any other file.
  static Result<Image> readSplitOff(const Source& source);

  FileHeader header;
  Codec codec{Class::Elf64, ByteOrder::Little};
  std::vector<ProgramHeader> programHeaders;
  // Up to the first DT_NULL, excluding it.
  std::vector<DynamicEntry> dynamic;
  // Where the dynamic table is in the file, and how many entries PT_DYNAMIC has room for; loaders
  // read on to DT_NULL regardless (glibc elf/get-dynamic-info.h), so `dynamic` may have more.
  uint64_t dynamicOffset = 0;
  uint64_t dynamicCapacity = 0;

  // The first header of a type, or the last. If there are several, the kernel takes the first
  // PT_INTERP and the last PT_GNU_STACK (Linux fs/binfmt_elf.c, load_elf_binary), and loaders
  // always the last.
  [[nodiscard]] const ProgramHeader* segment(uint32_t type) const;
  [[nodiscard]] const ProgramHeader* lastSegment(uint32_t type) const;
  // The PT_DYNAMIC that loaders use: glibc elf/rtld.c, rtld_setup_main_map, and elf/dl-load.c,
  // _dl_map_object_from_fd, which skips those without bytes; musl ldso/dynlink.c, map_library and
  // kernel_mapped_dso.
  [[nodiscard]] const ProgramHeader* dynamicSegment() const;
  [[nodiscard]] std::optional<uint64_t> dynamicValue(int64_t tag) const;
  // Whether functions are bound before the file is used (glibc elf/get-dynamic-info.h).
  [[nodiscard]] bool bindsNow() const;

  // The file offset that PT_LOAD maps at a virtual address; none for .bss and unmapped addresses.
  [[nodiscard]] std::optional<uint64_t> fileOffset(uint64_t virtualAddress) const;
  // The virtual address at which a PT_LOAD maps a file offset.
  [[nodiscard]] std::optional<uint64_t> virtualAddress(uint64_t fileOffset) const;

 private:
  Status readHeader(const Source& source);
  Status readProgramHeaders(const Source& source);
  Status readDynamic(const Source& source);
};

// The string table that DT_STRTAB and DT_STRSZ describe, as a range of the file.
struct StringTable {
  uint64_t offset = 0;
  uint64_t size = 0;

  static std::optional<StringTable> dynamicOf(const Image& image);
  // The name at an index into the table.
  [[nodiscard]] Result<std::string> at(const Source& source, uint64_t index) const;
};

// All section headers, or none if the file has none. Fails if the table is not inside the file.
Result<std::vector<SectionHeader>> readSectionHeaders(const Source& source, const Image& image);
// Whether the code of a program or library is elsewhere: objcopy --only-keep-debug and eu-strip -f
// keep the headers, and drop the bytes of what would be loaded.
bool isWithoutCode(const FileHeader& header, const std::vector<SectionHeader>& sections);
// Whether the program headers of such a file are still those of the whole program, as in what
// eu-strip -f splits off: they describe where its bytes were, which is past this file's end, or
// where something else is now. (objcopy lets them describe what is left.)
bool describesOtherFile(const Image& image, const std::vector<SectionHeader>& sections);
// The index of the section that holds their names; 0 if there is none.
uint32_t sectionNameIndex(const FileHeader& header, const std::vector<SectionHeader>& sections);

}  // namespace fixelf
