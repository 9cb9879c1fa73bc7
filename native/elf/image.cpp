#include "elf/image.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace fixelf {

namespace {

Error malformed(std::string message) {
  return Error{ErrorCode::Malformed, std::move(message), {}, 0};
}

Error truncated(const std::string& what, uint64_t end, uint64_t size) {
  return Error{ErrorCode::Truncated,
               what + " ends at byte " + std::to_string(end) + ", but the file has only " +
                   std::to_string(size) + " bytes; it was probably not copied completely",
               {},
               0};
}

}  // namespace

Result<Image> Image::read(const Source& source) {
  Image image;
  if (Status status = image.readHeader(source); !status) return status.error();
  if (Status status = image.readProgramHeaders(source); !status) return status.error();
  if (Status status = image.readDynamic(source); !status) return status.error();
  return image;
}

Result<Image> Image::readSplitOff(const Source& source) {
  Image image;
  if (Status status = image.readHeader(source); !status) return status.error();
  auto sections = readSectionHeaders(source, image);
  if (!sections) return sections.error();
  // An incompletely copied file has lost the end of its sections, and their headers.
  const bool isWhole = std::ranges::all_of(*sections, [&](const SectionHeader& section) {
    return section.type == SHT_NOBITS || section.type == SHT_NULL ||
           inside(section.offset, section.size, source.size());
  });
  if (!isWhole || !isWithoutCode(image.header, *sections))
    return Error{ErrorCode::NotElf, "this was not split off a program or library", {}, 0};
  return image;
}

Status Image::readHeader(const Source& source) {
  if (source.size() == 0) return Error{ErrorCode::NotElf, "the file is empty", {}, 0};
  std::array<uint8_t, sizeof(Elf64_Ehdr)> bytes{};
  const size_t available = static_cast<size_t>(std::min<uint64_t>(bytes.size(), source.size()));
  if (Status status = source.read(0, std::span(bytes).first(available)); !status) return status;
  if (available < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) {
    return Error{ErrorCode::NotElf, "this is not an ELF file", {}, 0};
  }
  if (available < EI_NIDENT) return truncated("the ELF header", sizeof(Elf32_Ehdr), source.size());
  if (bytes[EI_CLASS] != ELFCLASS32 && bytes[EI_CLASS] != ELFCLASS64) {
    return malformed("the ELF class is " + std::to_string(bytes[EI_CLASS]) + "; 1 and 2 exist");
  }
  if (bytes[EI_DATA] != ELFDATA2LSB && bytes[EI_DATA] != ELFDATA2MSB) {
    return malformed("the byte order is " + std::to_string(bytes[EI_DATA]) + "; 1 and 2 exist");
  }
  codec = Codec(static_cast<Class>(bytes[EI_CLASS]), static_cast<ByteOrder>(bytes[EI_DATA]));
  if (available < codec.fileHeaderSize()) {
    return truncated("the ELF header", codec.fileHeaderSize(), source.size());
  }
  header = codec.fileHeader(bytes);
  return Done{};
}

Status Image::readProgramHeaders(const Source& source) {
  if (header.programHeaderCount == 0) return Done{};
  if (header.programHeaderSize != codec.programHeaderSize()) {
    return malformed("e_phentsize is " + std::to_string(header.programHeaderSize) + ", not " +
                     std::to_string(codec.programHeaderSize()));
  }
  // Linux, fs/binfmt_elf.c, load_elf_phdrs(): a file whose table exceeds 64 KiB is not executed. A
  // core file may have more segments (PN_XNUM, gABI chapter 5); the first ones are enough to
  // describe it.
  uint64_t count = header.programHeaderCount;
  const uint64_t most = Limits::kProgramHeaderTable / codec.programHeaderSize();
  if (count > most) {
    if (header.type != ET_CORE) {
      const bool elsewhere = count == PN_XNUM && header.sectionHeaderOffset != 0;
      return malformed("e_phnum is " + std::to_string(count) +
                       (elsewhere ? " (PN_XNUM: the first section header has the count)" : "") +
                       "; Linux takes at most 64 KiB of program headers, that is " +
                       std::to_string(most));
    }
    count = most;
  }
  const uint64_t size = count * codec.programHeaderSize();
  if (!inside(header.programHeaderOffset, size, source.size())) {
    return truncated("the program header table", header.programHeaderOffset + size, source.size());
  }
  auto table = source.bytes(header.programHeaderOffset, size, Limits::kProgramHeaderTable);
  if (!table) return table.error();
  programHeaders.reserve(static_cast<size_t>(count));
  for (uint64_t index = 0; index < count; ++index) {
    programHeaders.push_back(codec.programHeader(std::span(*table).subspan(
        static_cast<size_t>(index * codec.programHeaderSize()), codec.programHeaderSize())));
    const ProgramHeader& segment = programHeaders.back();
    // Loaders use only the addresses of the others (glibc elf/dl-load.c, musl ldso/dynlink.c).
    const bool isRead = segment.type == PT_LOAD || segment.type == PT_INTERP;
    if (!isRead) continue;
    const bool inFile = inside(segment.offset, segment.fileSize, source.size());
    if (segment.type == PT_NULL || segment.fileSize == 0 || inFile || header.type == ET_CORE) {
      continue;
    }
    // Without the overflow check an end near 2^64 would wrap around and look small.
    const bool wraps = segment.offset + segment.fileSize < segment.offset;
    if (wraps) return malformed("program header " + std::to_string(index) + " wraps around 2^64");
    return truncated("program header " + std::to_string(index), segment.fileEnd(), source.size());
  }
  return Done{};
}

Status Image::readDynamic(const Source& source) {
  const ProgramHeader* table = dynamicSegment();
  if (table == nullptr || table->fileSize == 0 || header.type == ET_CORE) return Done{};
  // The loader reads the table in memory, where PT_LOAD put it (glibc elf/dl-load.c sets l_ld from
  // p_vaddr); p_offset only duplicates that.
  const auto load =
      std::find_if(programHeaders.rbegin(), programHeaders.rend(), [&](const ProgramHeader& each) {
        return each.type == PT_LOAD &&
               inside(table->virtualAddress - each.virtualAddress, 1, each.memorySize);
      });
  if (load == programHeaders.rend())
    return malformed("no segment maps the dynamic table, so a loader would crash");
  const uint64_t start = table->virtualAddress - load->virtualAddress;
  if (start >= load->fileSize) return Done{};  // zeros: a table without entries
  const uint64_t entrySize = codec.dynamicEntrySize();
  dynamicOffset = load->offset + start;
  dynamicCapacity = table->fileSize / entrySize;
  const uint64_t most = std::min(load->fileSize - start, Limits::kDynamicTable) / entrySize;
  // The first read nearly always includes the end.
  for (uint64_t next = std::max<uint64_t>(dynamicCapacity, 1); dynamic.size() < most; next *= 2) {
    const uint64_t count = std::min(next, most - dynamic.size());
    auto entries = source.bytes(dynamicOffset + dynamic.size() * entrySize, count * entrySize,
                                Limits::kDynamicTable);
    if (!entries) return entries.error();
    for (uint64_t index = 0; index < count; ++index) {
      const DynamicEntry entry = codec.dynamicEntry(std::span(*entries).subspan(
          static_cast<size_t>(index * entrySize), static_cast<size_t>(entrySize)));
      if (entry.tag == DT_NULL) return Done{};
      dynamic.push_back(entry);
    }
  }
  // The part of a segment beyond its file size is zeros in memory, so a DT_NULL.
  const bool zerosFollow = load->fileSize - start <= Limits::kDynamicTable &&
                           load->memorySize > load->fileSize &&
                           inside(start, (dynamic.size() + 1) * entrySize, load->memorySize);
  if (zerosFollow) return Done{};
  return malformed("the dynamic table has no DT_NULL at its end");
}

const ProgramHeader* Image::segment(uint32_t type) const {
  const auto found =
      std::find_if(programHeaders.begin(), programHeaders.end(),
                   [type](const ProgramHeader& candidate) { return candidate.type == type; });
  return found == programHeaders.end() ? nullptr : &*found;
}

const ProgramHeader* Image::lastSegment(uint32_t type) const {
  const auto found =
      std::find_if(programHeaders.rbegin(), programHeaders.rend(),
                   [type](const ProgramHeader& candidate) { return candidate.type == type; });
  return found == programHeaders.rend() ? nullptr : &*found;
}

const ProgramHeader* Image::dynamicSegment() const {
  const auto found = std::find_if(programHeaders.rbegin(), programHeaders.rend(),
                                  [](const ProgramHeader& candidate) {
                                    return candidate.type == PT_DYNAMIC && candidate.fileSize > 0;
                                  });
  return found == programHeaders.rend() ? lastSegment(PT_DYNAMIC) : &*found;
}

std::optional<uint64_t> Image::dynamicValue(int64_t tag) const {
  // The last one counts: glibc elf/get-dynamic-info.h lets a later entry overwrite an earlier one.
  for (auto entry = dynamic.rbegin(); entry != dynamic.rend(); ++entry) {
    if (entry->tag == tag) return entry->value;
  }
  return std::nullopt;
}

bool Image::bindsNow() const {
  return dynamicValue(DT_BIND_NOW).has_value() ||
         (dynamicValue(DT_FLAGS).value_or(0) & DF_BIND_NOW) != 0 ||
         (dynamicValue(DT_FLAGS_1).value_or(0) & DF_1_NOW) != 0;
}

std::optional<uint64_t> Image::fileOffset(uint64_t address) const {
  // If two overlap, the later one is mapped over the earlier one: Linux fs/binfmt_elf.c,
  // load_elf_binary, and glibc elf/dl-map-segments.h map them in order, with MAP_FIXED.
  const auto load = std::find_if(
      programHeaders.rbegin(), programHeaders.rend(), [address](const ProgramHeader& candidate) {
        return candidate.type == PT_LOAD &&
               inside(address - candidate.virtualAddress, 1, candidate.fileSize);
      });
  if (load == programHeaders.rend()) return std::nullopt;
  return load->offset + (address - load->virtualAddress);
}

std::optional<uint64_t> Image::virtualAddress(uint64_t offset) const {
  for (const ProgramHeader& candidate : programHeaders) {
    if (candidate.type == PT_LOAD && offset >= candidate.offset &&
        offset - candidate.offset < candidate.fileSize) {
      return candidate.virtualAddress + (offset - candidate.offset);
    }
  }
  return std::nullopt;
}

std::optional<StringTable> StringTable::dynamicOf(const Image& image) {
  const auto address = image.dynamicValue(DT_STRTAB);
  const auto size = image.dynamicValue(DT_STRSZ);
  if (!address || !size) return std::nullopt;
  const auto offset = image.fileOffset(*address);
  if (!offset) return std::nullopt;
  return StringTable{*offset, *size};
}

Result<std::string> StringTable::at(const Source& source, uint64_t index) const {
  if (index >= size || size > UINT64_MAX - offset) {
    return malformed("a name lies outside the dynamic string table");
  }
  return source.string(offset + index, offset + size, Limits::kString);
}

Result<std::vector<SectionHeader>> readSectionHeaders(const Source& source, const Image& image) {
  std::vector<SectionHeader> sections;
  const FileHeader& header = image.header;
  if (header.sectionHeaderOffset == 0) return sections;
  const size_t entrySize = image.codec.sectionHeaderSize();
  if (header.sectionHeaderSize != entrySize) {
    return malformed("e_shentsize is " + std::to_string(header.sectionHeaderSize) + ", not " +
                     std::to_string(entrySize));
  }
  uint64_t count = header.sectionHeaderCount;
  if (count == 0) {
    // gABI chapter 4, "e_shnum": from SHN_LORESERVE sections on, the count is the first header's
    // sh_size.
    auto first = source.bytes(header.sectionHeaderOffset, entrySize, entrySize);
    if (!first) return first.error();
    count = image.codec.sectionHeader(*first).size;
  }
  if (count > Limits::kSectionHeaderTable / entrySize) {
    return Error{
        ErrorCode::LimitExceeded, "the file claims " + std::to_string(count) + " sections", {}, 0};
  }
  auto table =
      source.bytes(header.sectionHeaderOffset, count * entrySize, Limits::kSectionHeaderTable);
  if (!table) return table.error();
  sections.reserve(static_cast<size_t>(count));
  for (uint64_t index = 0; index < count; ++index) {
    sections.push_back(image.codec.sectionHeader(
        std::span(*table).subspan(static_cast<size_t>(index * entrySize), entrySize)));
  }
  return sections;
}

bool isWithoutCode(const FileHeader& header, const std::vector<SectionHeader>& sections) {
  if (header.type != ET_DYN && header.type != ET_EXEC && header.type != ET_REL) return false;
  bool code = false;
  for (const SectionHeader& section : sections) {
    if ((section.flags & SHF_EXECINSTR) == 0 || !section.allocated()) continue;
    if (section.type != SHT_NOBITS) return false;
    code = true;
  }
  return code;
}

bool describesOtherFile(const Image& image, const std::vector<SectionHeader>& sections) {
  if (!isWithoutCode(image.header, sections)) return false;
  // A segment's last byte then belongs to a section that has no bytes here. (objcopy lets segments
  // end with what is left of them, usually a note.)
  std::vector<uint64_t> lastBytes;
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type == PT_LOAD && segment.fileSize > 0)
      lastBytes.push_back(segment.virtualAddress + segment.fileSize - 1);
  }
  std::ranges::sort(lastBytes);
  return std::ranges::any_of(sections, [&](const SectionHeader& section) {
    // Something else has the addresses of .tbss: gABI chapter 4, "Thread-Local Storage".
    const bool hasNone = section.type == SHT_NOBITS && (section.flags & SHF_TLS) == 0;
    if (!hasNone || !section.allocated()) return false;
    const auto last = std::ranges::lower_bound(lastBytes, section.address);
    return last != lastBytes.end() && *last - section.address < section.size;
  });
}

uint32_t sectionNameIndex(const FileHeader& header, const std::vector<SectionHeader>& sections) {
  if (sections.empty()) return SHN_UNDEF;
  // gABI chapter 4, "e_shstrndx": from SHN_LORESERVE on, the index is the first header's sh_link.
  const uint32_t index =
      header.sectionNameIndex == SHN_XINDEX ? sections[0].link : header.sectionNameIndex;
  return index < sections.size() ? index : SHN_UNDEF;
}

}  // namespace fixelf
