#include "elf/facts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fixelf {

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::Executable:
      return "executable";
    case Kind::Pie:
      return "pie";
    case Kind::Shared:
      return "shared-library";
    case Kind::Static:
      return "static";
    case Kind::StaticPie:
      return "static-pie";
    case Kind::Relocatable:
      return "relocatable";
    case Kind::Core:
      return "core";
    case Kind::DebugInformation:
      return "debug-information";
    case Kind::Other:
      return "other";
  }
  return "other";
}

namespace {

constexpr std::pair<uint16_t, const char*> kMachineNames[] = {
    {EM_386, "i386"},
    {EM_X86_64, "x86-64"},
    {EM_AARCH64, "aarch64"},
    {EM_ARM, "arm"},
    {EM_RISCV, "riscv"},
    {EM_PPC64, "ppc64"},
    {EM_PPC, "ppc"},
    {EM_S390, "s390"},
    {EM_MIPS, "mips"},
    {258, "loongarch"},
    {EM_SPARC, "sparc"},
    {EM_SPARCV9, "sparcv9"},
    {EM_SPARC32PLUS, "sparc32plus"},
    {EM_ALPHA, "alpha"},
    {EM_68K, "m68k"},
    {EM_SH, "sh"},
    {EM_PARISC, "parisc"},
    {EM_IA_64, "ia64"},
    {EM_BPF, "bpf"},
    {EM_AVR, "avr"},
    {EM_CUDA, "cuda"},
    {EM_AMDGPU, "amdgpu"},
    {EM_XTENSA, "xtensa"},
    {EM_MICROBLAZE, "microblaze"},
    {0x9026, "alpha"},  // what Linux and GNU really use: EM_ALPHA of the old ABI
};

}  // namespace

std::span<const std::pair<uint16_t, const char*>> machineNames() {
  return kMachineNames;
}

std::string machineName(uint16_t machine) {
  for (const auto& [number, name] : kMachineNames) {
    if (number == machine) return name;
  }
  return "machine-" + std::to_string(machine);
}

std::string osAbiName(uint8_t osAbi) {
  switch (osAbi) {
    case ELFOSABI_SYSV:
      return "system-v";
    case ELFOSABI_GNU:
      return "gnu";
    case ELFOSABI_FREEBSD:
      return "freebsd";
    case ELFOSABI_NETBSD:
      return "netbsd";
    case ELFOSABI_OPENBSD:
      return "openbsd";
    case ELFOSABI_SOLARIS:
      return "solaris";
    case ELFOSABI_ARM:
      return "arm";
    case ELFOSABI_ARM_AEABI:
      return "arm-aeabi";
    case ELFOSABI_STANDALONE:
      return "standalone";
    default:
      return "osabi-" + std::to_string(osAbi);
  }
}

const char* relroName(Relro relro) {
  switch (relro) {
    case Relro::None:
      return "none";
    case Relro::Partial:
      return "partial";
    case Relro::Full:
      return "full";
  }
  return "none";
}

const char* className(Class fileClass) {
  return fileClass == Class::Elf64 ? "ELF64" : "ELF32";
}

const char* byteOrderName(ByteOrder byteOrder) {
  return byteOrder == ByteOrder::Little ? "little-endian" : "big-endian";
}

const char* dynamicTableName(DynamicTable table) {
  switch (table) {
    case DynamicTable::None:
      return "none";
    case DynamicTable::Unread:
      return "unread";
    case DynamicTable::Present:
      return "present";
  }
  return "none";
}

namespace {

DynamicTable dynamicTableOf(const Image& image) {
  if (!image.dynamic.empty()) return DynamicTable::Present;
  const ProgramHeader* segment = image.dynamicSegment();
  if (segment == nullptr) return DynamicTable::None;
  return segment->fileSize == 0 ? DynamicTable::Unread : DynamicTable::Present;
}

Kind kindOf(const Image& image, const Facts& facts) {
  const bool program = facts.interpreter.has_value();
  switch (image.header.type) {
    case ET_REL:
      return Kind::Relocatable;
    case ET_CORE:
      return Kind::Core;
    case ET_EXEC:
      return program ? Kind::Executable : Kind::Static;
    case ET_DYN:
      if ((facts.flags1 & DF_1_PIE) != 0) return program ? Kind::Pie : Kind::StaticPie;
      // Before binutils 2.26 no DF_1_PIE was set. A library may have an interpreter too, so that
      // running it prints its banner (libc.so.6), but then it has a soname.
      if (program && !facts.soname) return Kind::Pie;
      return image.dynamic.empty() ? Kind::StaticPie : Kind::Shared;
    default:
      return Kind::Other;
  }
}

class Reader {
 public:
  Reader(const Source& source, const Image& image, Facts& facts)
      : source_(source), image_(image), facts_(facts) {}

  Status read() {
    for (auto step : {&Reader::readInterpreter, &Reader::readDynamic, &Reader::readVersions,
                      &Reader::readRest, &Reader::readExtent}) {
      if (Status status = (this->*step)(); !status) return status;
    }
    facts_.kind = withoutCode_ ? Kind::DebugInformation : kindOf(image_, facts_);
    return Done{};
  }

 private:
  Status readInterpreter() {
    const ProgramHeader* segment = image_.segment(PT_INTERP);
    if (segment == nullptr || segment->fileSize == 0) return Done{};
    Status status = readInterpreterOf(*segment);
    // Linux reads it when the file is executed, glibc for the program (elf/rtld.c): neither does so
    // for a library without an entry point.
    const bool isRead = image_.header.type != ET_DYN || image_.header.entry != 0;
    const bool isOdd = !status && status.error().code == ErrorCode::Malformed;
    return isOdd && !isRead ? Done{} : status;
  }

  Status readInterpreterOf(const ProgramHeader& segment) {
    // Linux, fs/binfmt_elf.c, load_elf_binary(): between 2 and PATH_MAX bytes, the last one NUL.
    if (segment.fileSize < 2 || segment.fileSize > 4096) {
      return Error{
          ErrorCode::Malformed,
          "PT_INTERP has " + std::to_string(segment.fileSize) + " bytes; Linux takes 2 to 4096",
          {},
          0};
    }
    auto name = source_.string(segment.offset, segment.fileEnd(), segment.fileSize);
    if (!name) return name.error();
    std::array<uint8_t, 1> last{};
    if (Status status = source_.read(segment.fileEnd() - 1, last); !status) return status;
    if (last[0] != 0) {
      return Error{
          ErrorCode::Malformed, "PT_INTERP does not end in a NUL, so Linux refuses it", {}, 0};
    }
    facts_.interpreter = std::move(*name);
    return Done{};
  }

  Status readDynamic() {
    facts_.dynamic = dynamicTableOf(image_);
    facts_.bindsNow = image_.bindsNow();
    const auto strings = StringTable::dynamicOf(image_);
    for (const DynamicEntry& entry : image_.dynamic) {
      switch (entry.tag) {
        case DT_FLAGS:
          facts_.flags = entry.value;
          break;
        case DT_FLAGS_1:
          facts_.flags1 = entry.value;
          break;
        case 36:  // DT_RELR, which older headers do not name
          facts_.packedRelocations = true;
          break;
        case DT_AUDIT:
        case DT_DEPAUDIT:
          facts_.audited = true;
          break;
        case DT_NEEDED:
        case DT_SONAME:
        case DT_RPATH:
        case DT_RUNPATH:
        case DT_AUXILIARY:
        case DT_FILTER: {
          if (!strings) {
            return Error{ErrorCode::Malformed,
                         "the dynamic table has names but no string table that is in the file",
                         {},
                         0};
          }
          auto text = strings->at(source_, entry.value);
          if (!text) return text.error();
          total_ += text->size();
          if (total_ > Limits::kStrings) {
            return Error{ErrorCode::LimitExceeded, "the file has too many names to hold", {}, 0};
          }
          keep(entry.tag, std::move(*text));
          break;
        }
        default:
          break;
      }
    }
    return Done{};
  }

  void keep(int64_t tag, std::string text) {
    if (tag == DT_NEEDED)
      keepDependency(DependencyKind::Needed, facts_.needed, std::move(text));
    else if (tag == DT_AUXILIARY)
      keepDependency(DependencyKind::Auxiliary, facts_.auxiliary, std::move(text));
    else if (tag == DT_FILTER)
      keepDependency(DependencyKind::Filter, facts_.filter, std::move(text));
    else if (tag == DT_SONAME)
      facts_.soname = std::move(text);
    else if (tag == DT_RPATH)
      facts_.rpath = std::move(text);
    else
      facts_.runpath = std::move(text);
  }

  void keepDependency(DependencyKind kind, std::vector<std::string>& names, std::string name) {
    names.push_back(std::move(name));
    facts_.dependencyOrder.push_back(kind);
  }

  Status readVersions() {
    const auto strings = StringTable::dynamicOf(image_);
    if (!strings) return Done{};
    auto needed = readNeededVersions(source_, image_, *strings);
    if (!needed) return needed.error();
    facts_.versionsNeeded = std::move(*needed);
    auto defined = readDefinedVersions(source_, image_, *strings);
    if (!defined) return defined.error();
    facts_.versionsDefined = std::move(defined->names);
    facts_.versionBase = std::move(defined->base);
    facts_.versionsDefinedForm = defined->form;
    return Done{};
  }

  Status readRest() {
    auto notes = readNotes(source_, image_);
    if (!notes) return notes.error();
    facts_.notes = std::move(*notes);
    for (const ProgramHeader& segment : image_.programHeaders)
      if (segment.type == PT_LOAD) readGeometry(segment);
    if (const ProgramHeader* stack = image_.lastSegment(PT_GNU_STACK)) {
      facts_.executableStack = (stack->flags & PF_X) != 0;
    }
    facts_.damage = damageIn(image_, source_.size());
    if (const ProgramHeader* local = image_.lastSegment(PT_TLS))
      facts_.threadLocalSize = alignUp(local->memorySize, local->alignment);
    // glibc elf/dl-reloc.c, _dl_protect_relro: an empty one protects nothing, and the last one
    // counts.
    const ProgramHeader* relro = image_.lastSegment(PT_GNU_RELRO);
    if (relro != nullptr && relro->memorySize > 0) {
      facts_.relro = facts_.bindsNow ? Relro::Full : Relro::Partial;
    }
    return Done{};
  }

  void readGeometry(const ProgramHeader& segment) {
    constexpr uint64_t kSmallestPage = 4096;
    const uint64_t distance = segment.virtualAddress - segment.offset;
    SegmentGeometry& geometry = facts_.geometry;
    if (distance % kSmallestPage != 0) {
      geometry.byPage = false;
      if (segment.fileSize > 0) geometry.fileByPage = false;
    }
    if (segment.alignment > 1 && distance % segment.alignment != 0) geometry.byAlignment = false;
    if (segment.alignment % kSmallestPage != 0) geometry.alignmentIsPages = false;
  }

  // Whether bytes follow the last one that headers, segments and sections account for.
  Status readExtent() {
    // Loaders don't use section headers: a damaged table is no reason to refuse the file.
    auto read = readSectionHeaders(source_, image_);
    const std::vector<SectionHeader> sections =
        read ? std::move(*read) : std::vector<SectionHeader>();
    facts_.sectionHeaders = !sections.empty();
    withoutCode_ = isWithoutCode(image_.header, sections);
    for (const SectionHeader& section : sections) {
      if (facts_.dynamic == DynamicTable::None && isUncoveredDynamicTable(section, sections))
        facts_.dynamic = DynamicTable::Unread;
      if (section.type == SHT_NOTE && facts_.notes.buildId.empty() && image_.header.type != ET_CORE)
        facts_.notes.buildId = readBuildId(source_, image_, section);
      if (isUncoveredResolutionCache(section, sections)) facts_.notes.resolutionCache.emplace();
    }
    facts_.overlay = findOverlay(source_, image_, sections);
    return Done{};
  }

  // A dynamic table, or in split-off debug information its place, to which no program header leads.
  bool isUncoveredDynamicTable(const SectionHeader& section,
                               const std::vector<SectionHeader>& sections) const {
    if (section.type == SHT_DYNAMIC) return true;
    return withoutCode_ && section.type == SHT_NOBITS &&
           isNamed(section, sections, std::string_view(".dynamic\0", 9));
  }

  // A section of that name that no PT_NOTE covers: no loader finds it, but it is where the note
  // would be.
  bool isUncoveredResolutionCache(const SectionHeader& section,
                                  const std::vector<SectionHeader>& sections) const {
    return section.type == SHT_NOTE && !section.allocated() &&
           isNamed(section, sections, std::string_view(".note.nixos.ldcache\0", 20));
  }

  // The name with its NUL.
  bool isNamed(const SectionHeader& section, const std::vector<SectionHeader>& sections,
               std::string_view wanted) const {
    const uint32_t index = sectionNameIndex(image_.header, sections);
    if (section.name >= sections[index].size) return false;
    auto name = source_.bytes(sections[index].offset + section.name, wanted.size(), wanted.size());
    return name && std::ranges::equal(*name, wanted, {},
                                      [](uint8_t byte) { return static_cast<char>(byte); });
  }

  const Source& source_;
  const Image& image_;
  Facts& facts_;
  bool withoutCode_ = false;
  uint64_t total_ = 0;
};

Result<Facts> factsOf(const Source& source, const Image& image, const std::string& path) {
  Facts facts;
  facts.path = path;
  facts.size = source.size();
  facts.header = image.header;
  if (Status status = Reader(source, image, facts).read(); !status)
    return std::move(status.error()).at(path);
  return facts;
}

bool mayHaveForeignSegments(const Source& source, const Result<Image>& image,
                            const Result<Facts>& facts) {
  if (facts) {
    if (facts->kind != Kind::DebugInformation) return false;
    const auto sections = readSectionHeaders(source, *image);
    return sections && describesOtherFile(*image, *sections);
  }
  const ErrorCode code = facts.error().code;
  return code == ErrorCode::Truncated || code == ErrorCode::Malformed ||
         code == ErrorCode::LimitExceeded;
}

}  // namespace

Result<Facts> readFacts(const Source& source, const std::string& path) {
  const auto image = Image::read(source);
  auto facts = image ? factsOf(source, *image, path) : Error(image.error()).at(path);
  if (mayHaveForeignSegments(source, image, facts)) {
    if (const auto splitOff = Image::readSplitOff(source)) return factsOf(source, *splitOff, path);
  }
  return facts;
}

Result<Facts> readFacts(const std::string& path) {
  auto source = FileSource::open(path);
  if (!source) return source.error();
  return readFacts(**source, path);
}

}  // namespace fixelf
