// The mutator of all targets. It knows parts (input.hpp) and what an ELF file consists of: headers,
// the dynamic table, notes, symbol versions, hash tables, symbols, names. Changing a field to a
// meaningful value (another field's, the file's end, the next page) reaches what flipping bits does
// not.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <random>

#include "elf/format.hpp"
#include "input.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t maxSize);

namespace fuzz {

namespace {

using namespace fixelf;

using Random = std::minstd_rand;

size_t below(Random& random, size_t count) {
  return count == 0 ? 0 : static_cast<size_t>(random()) % count;
}
bool oneIn(Random& random, size_t count) {
  return below(random, count) == 0;
}

struct Field {
  size_t offset = 0;
  size_t width = 0;
};

// Adjacent records of one size, and the fields of each.
struct Table {
  size_t offset = 0;
  size_t count = 0;
  size_t size = 0;
  std::vector<Field> fields;  // relative to a record

  [[nodiscard]] bool empty() const { return count == 0; }
};

// A file that has an ELF header, whatever the rest is.
class Elf {
 public:
  static bool is(const Bytes& bytes) {
    return bytes.size() >= 64 && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
  }

  explicit Elf(Bytes& bytes)
      : bytes_(bytes),
        codec_(bytes[EI_CLASS] == ELFCLASS32 ? Class::Elf32 : Class::Elf64,
               bytes[EI_DATA] == ELFDATA2MSB ? ByteOrder::Big : ByteOrder::Little),
        header_(codec_.fileHeader(bytes)) {
    const Table table = programHeaders();
    for (size_t index = 0; index < table.count; ++index) {
      segments_.push_back(
          codec_.programHeader(std::span(bytes_).subspan(table.offset + index * table.size)));
    }
  }

  void mutate(Random& random) {
    static constexpr std::array kMutations = {
        &Elf::changeFileHeader, &Elf::changeProgramHeader, &Elf::changeProgramHeader,
        &Elf::changeDynamic,    &Elf::changeDynamic,       &Elf::changeDynamic,
        &Elf::changeSections,   &Elf::changeNotes,         &Elf::changeVersions,
        &Elf::changeVersions,   &Elf::changeHashes,        &Elf::changeSymbols,
        &Elf::changeName,       &Elf::changeEnd,           &Elf::changeRelocations,
    };
    (this->*kMutations[below(random, kMutations.size())])(random);
  }

 private:
  // As many of the `count` records as are in the file.
  [[nodiscard]] Table table(uint64_t offset, uint64_t count, size_t size,
                            std::vector<Field> fields) const {
    if (offset >= bytes_.size()) return {};
    const uint64_t most = (bytes_.size() - offset) / size;
    return {static_cast<size_t>(offset), static_cast<size_t>(std::min<uint64_t>(count, most)), size,
            std::move(fields)};
  }

  static std::vector<Field> evenly(size_t width, size_t count) {
    std::vector<Field> fields;
    for (size_t index = 0; index < count; ++index)
      fields.push_back({index * width, width});
    return fields;
  }

  [[nodiscard]] Table programHeaders() const {
    std::vector<Field> fields = {{0, 4}, {codec_.wide() ? size_t{4} : 24, 4}};
    const size_t w = codec_.wordSize();
    for (size_t index = 0; index < 5; ++index)
      fields.push_back({(codec_.wide() ? 8 : 4) + index * w, w});
    fields.push_back({codec_.wide() ? size_t{48} : 28, w});
    return table(header_.programHeaderOffset, header_.programHeaderCount,
                 codec_.programHeaderSize(), std::move(fields));
  }

  [[nodiscard]] std::optional<uint64_t> fileOffset(uint64_t address) const {
    for (const ProgramHeader& segment : segments_) {
      if (segment.type == PT_LOAD && inside(address - segment.virtualAddress, 1, segment.fileSize))
        return address - segment.virtualAddress + segment.offset;
    }
    return std::nullopt;
  }

  [[nodiscard]] Table dynamic() const {
    const size_t w = codec_.wordSize();
    for (const ProgramHeader& segment : segments_) {
      if (segment.type == PT_DYNAMIC)
        return table(segment.offset, segment.fileSize / codec_.dynamicEntrySize(),
                     codec_.dynamicEntrySize(), {{0, w}, {w, w}});
    }
    return {};
  }

  [[nodiscard]] std::optional<uint64_t> value(int64_t tag) const {
    const Table entries = dynamic();
    for (size_t index = 0; index < entries.count; ++index) {
      const DynamicEntry entry =
          codec_.dynamicEntry(std::span(bytes_).subspan(entries.offset + index * entries.size));
      if (entry.tag == tag) return entry.value;
    }
    return std::nullopt;
  }

  // Where the table that an entry points at is.
  [[nodiscard]] std::optional<uint64_t> offsetOf(int64_t tag) const {
    const auto address = value(tag);
    return address ? fileOffset(*address) : std::nullopt;
  }

  [[nodiscard]] uint64_t get(size_t offset, size_t width) const {
    const uint8_t* at = &bytes_[offset];
    return width == 8   ? codec_.u64(at)
           : width == 4 ? codec_.u32(at)
           : width == 2 ? codec_.u16(at)
                        : *at;
  }

  void put(size_t offset, size_t width, uint64_t value) {
    uint8_t* at = &bytes_[offset];
    if (width == 8) codec_.putU64(at, value);
    if (width == 4) codec_.putU32(at, static_cast<uint32_t>(value));
    if (width == 2) codec_.putU16(at, static_cast<uint16_t>(value));
    if (width == 1) *at = static_cast<uint8_t>(value);
  }

  // The address or offset of any place that a header refers to.
  uint64_t somePlace(Random& random) {
    std::vector<uint64_t> places = {bytes_.size(), header_.programHeaderOffset,
                                    header_.sectionHeaderOffset};
    if (!segments_.empty()) {
      const ProgramHeader& segment = segments_[below(random, segments_.size())];
      places.insert(places.end(), {segment.offset, segment.virtualAddress, segment.fileSize,
                                   segment.fileEnd(), segment.memoryEnd(), segment.memorySize});
    }
    const Table entries = dynamic();
    if (!entries.empty())
      places.push_back(
          get(entries.offset + below(random, entries.count) * entries.size + codec_.wordSize(),
              codec_.wordSize()));
    return places[below(random, places.size())];
  }

  void changeField(Random& random, size_t offset, size_t width) {
    if (width == 0 || !inside(offset, width, bytes_.size())) return;
    const uint64_t old = get(offset, width);
    const uint64_t small = below(random, 17);
    switch (below(random, 12)) {
      case 0:
        return put(offset, width, 0);
      case 1:
        return put(offset, width, UINT64_MAX - small);
      case 2:
        return put(offset, width, small);
      case 3:
        return put(offset, width, uint64_t{1} << below(random, 64));
      case 4:
        return put(offset, width, (uint64_t{1} << below(random, 64)) - 1);
      case 5:
        return put(offset, width, old + small);
      case 6:
        return put(offset, width, old - small);
      case 7:
        return put(offset, width, (old & ~uint64_t{4095}) + 4096);
      case 8:
        return put(offset, width, old ^ (uint64_t{1} << below(random, 8 * width)));
      case 9:
        return put(offset, width, somePlace(random) + small - 8);
      default:
        return put(offset, width, somePlace(random));
    }
  }

  // Changes a field, or copies or exchanges a record.
  void changeTable(Random& random, const Table& records) {
    if (records.empty()) return;
    const size_t one = records.offset + below(random, records.count) * records.size;
    const size_t other = records.offset + below(random, records.count) * records.size;
    if (oneIn(random, 6)) {
      std::memmove(&bytes_[other], &bytes_[one], records.size);
    } else if (oneIn(random, 6)) {
      if (one != other) std::swap_ranges(&bytes_[one], &bytes_[one] + records.size, &bytes_[other]);
    } else {
      const Field& field = records.fields[below(random, records.fields.size())];
      changeField(random, one + field.offset, field.width);
    }
  }

  void changeFileHeader(Random& random) {
    const size_t w = codec_.wordSize();
    std::vector<Field> fields = {{EI_CLASS, 1},  {EI_DATA, 1}, {EI_OSABI, 1}, {EI_ABIVERSION, 1},
                                 {16, 2},        {18, 2},      {24, w},       {24 + w, w},
                                 {24 + 2 * w, w}};
    for (size_t index = 0; index < 8; ++index)
      fields.push_back({24 + 3 * w + 4 + 2 * (index % 7), 2});
    const Field& field = fields[below(random, fields.size())];
    if (field.offset == 16) return put(16, 2, below(random, 5));
    if (field.offset == 18) {
      static constexpr std::array<uint16_t, 10> kMachines = {
          EM_386, EM_X86_64, EM_ARM, EM_AARCH64, EM_PPC64, EM_S390, EM_MIPS, EM_RISCV, 0x9026, 258};
      return put(18, 2, kMachines[below(random, kMachines.size())]);
    }
    if (field.offset == EI_CLASS || field.offset == EI_DATA)
      return put(field.offset, 1, below(random, 4));
    changeField(random, field.offset, field.width);
  }

  void changeProgramHeader(Random& random) {
    const Table records = programHeaders();
    if (records.empty() || !oneIn(random, 4)) return changeTable(random, records);
    static constexpr std::array<uint32_t, 12> kTypes = {
        PT_NULL, PT_LOAD,      PT_LOAD, PT_DYNAMIC,      PT_INTERP,    PT_NOTE,
        PT_PHDR, PT_GNU_STACK, PT_TLS,  PT_GNU_PROPERTY, PT_GNU_RELRO, 0x70000000};
    put(records.offset + below(random, records.count) * records.size, 4,
        kTypes[below(random, kTypes.size())]);
  }

  void changeDynamic(Random& random) {
    const Table records = dynamic();
    if (records.empty() || !oneIn(random, 3)) return changeTable(random, records);
    static constexpr std::array<int64_t, 34> kTags = {
        DT_NULL,      DT_NEEDED,     DT_NEEDED,    DT_PLTGOT,       DT_HASH,     DT_STRTAB,
        DT_SYMTAB,    DT_RELA,       DT_RELASZ,    DT_STRSZ,        DT_INIT,     DT_SONAME,
        DT_RPATH,     DT_REL,        DT_RELSZ,     DT_DEBUG,        DT_JMPREL,   DT_PLTRELSZ,
        DT_BIND_NOW,  DT_RUNPATH,    DT_FLAGS,     DT_RELR,         DT_GNU_HASH, DT_VERSYM,
        DT_VERNEED,   DT_VERNEEDNUM, DT_VERDEF,    DT_VERDEFNUM,    DT_FLAGS_1,  DT_AUDIT,
        DT_AUXILIARY, DT_FILTER,     DT_RELACOUNT, DT_MIPS_SYMTABNO};
    put(records.offset + below(random, records.count) * records.size, codec_.wordSize(),
        static_cast<uint64_t>(kTags[below(random, kTags.size())]));
  }

  void changeSections(Random& random) {
    const size_t w = codec_.wordSize();
    std::vector<Field> fields = {{0, 4}, {4, 4}};
    for (size_t index = 0; index < 4; ++index)
      fields.push_back({8 + index * w, w});
    fields.insert(fields.end(),
                  {{8 + 4 * w, 4}, {12 + 4 * w, 4}, {16 + 4 * w, w}, {16 + 5 * w, w}});
    changeTable(random, table(header_.sectionHeaderOffset, header_.sectionHeaderCount,
                              codec_.sectionHeaderSize(), std::move(fields)));
  }

  void changeNotes(Random& random) {
    std::vector<const ProgramHeader*> notes;
    for (const ProgramHeader& segment : segments_) {
      if (segment.type == PT_NOTE || segment.type == PT_GNU_PROPERTY) notes.push_back(&segment);
    }
    if (notes.empty()) return;
    const ProgramHeader& note = *notes[below(random, notes.size())];
    changeTable(random, table(note.offset, note.fileSize / 4, 4, {{0, 4}}));
  }

  void changeVersions(Random& random) {
    const bool needed = oneIn(random, 2);
    const auto offset = offsetOf(needed ? DT_VERNEED : DT_VERDEF);
    if (oneIn(random, 6)) {
      const auto symbols = offsetOf(DT_VERSYM);
      if (symbols) changeTable(random, table(*symbols, 32, 2, {{0, 2}}));
      return;
    }
    if (!offset) return;
    // Verneed and Vernaux have 16 bytes, Verdef 20, Verdaux 8: fields of two and four bytes.
    if (needed) {
      changeTable(random, table(*offset, 8, 16, {{0, 2}, {2, 2}, {4, 4}, {6, 2}, {8, 4}, {12, 4}}));
    } else {
      changeTable(random, table(*offset, 28, 4, {{0, 2}, {2, 2}, {0, 4}}));
    }
  }

  void changeHashes(Random& random) {
    const auto offset = offsetOf(oneIn(random, 2) ? DT_HASH : DT_GNU_HASH);
    if (offset) changeTable(random, table(*offset, oneIn(random, 2) ? 4 : 24, 4, {{0, 4}}));
  }

  void changeSymbols(Random& random) {
    const auto offset = offsetOf(DT_SYMTAB);
    if (!offset) return;
    const size_t w = codec_.wordSize();
    const std::vector<Field> wide = {{0, 4}, {4, 1}, {6, 2}, {8, w}, {16, w}};
    const std::vector<Field> narrow = {{0, 4}, {4, 4}, {8, 4}, {12, 1}, {14, 2}};
    changeTable(random, table(*offset, 32, codec_.symbolSize(), codec_.wide() ? wide : narrow));
  }

  void changeRelocations(Random& random) {
    const bool wide = oneIn(random, 2);
    const auto offset = offsetOf(wide ? DT_RELA : DT_REL);
    if (!offset) return;
    const size_t fields = wide ? 3 : 2;
    changeTable(random,
                table(*offset, 32, fields * codec_.wordSize(), evenly(codec_.wordSize(), fields)));
  }

  void changeName(Random& random) {
    const auto offset = offsetOf(DT_STRTAB);
    if (!offset || *offset >= bytes_.size()) return;
    const uint64_t size = std::min<uint64_t>(value(DT_STRSZ).value_or(64), bytes_.size() - *offset);
    const size_t at = static_cast<size_t>(*offset) + below(random, static_cast<size_t>(size));
    const std::array<uint8_t, 2> choice = {static_cast<uint8_t>(below(random, 0x80)), 0};
    const std::string name = Choices(choice).text();
    const size_t length = std::min(name.size() + (oneIn(random, 2) ? 1 : 0), bytes_.size() - at);
    std::copy_n(name.c_str(), length, bytes_.begin() + static_cast<ptrdiff_t>(at));
  }

  // Cut short, or with bytes appended.
  void changeEnd(Random& random) {
    const size_t count = below(random, oneIn(random, 4) ? 4096 : 64);
    if (oneIn(random, 2)) {
      bytes_.resize(bytes_.size() - std::min(count, bytes_.size() - 64));
    } else {
      bytes_.resize(bytes_.size() + count, oneIn(random, 2) ? 0 : 'p');
    }
  }

  Bytes& bytes_;
  Codec codec_;
  FileHeader header_;
  std::vector<ProgramHeader> segments_;
};

void mutateBytes(Bytes& bytes, size_t most) {
  const size_t size = bytes.size();
  const size_t room = std::max<size_t>(1, std::min(most, size + 256));
  bytes.resize(std::max(room, size));
  bytes.resize(LLVMFuzzerMutate(bytes.data(), std::min(size, room), room));
}

void mutatePart(Part& part, size_t most, Random& random) {
  if (!Elf::is(part.bytes) || oneIn(random, 5)) return mutateBytes(part.bytes, most);
  for (size_t times = 1 + below(random, 3); times > 0 && Elf::is(part.bytes); --times)
    Elf(part.bytes).mutate(random);
}

void mutateParts(std::vector<Part>& parts, Random& random) {
  const size_t at = below(random, parts.size());
  switch (below(random, 4)) {
    case 0:
      if (parts.size() > 1) parts.erase(parts.begin() + static_cast<ptrdiff_t>(at));
      return;
    case 1:
      parts[at].role = static_cast<uint8_t>(below(random, oneIn(random, 4) ? 256 : 24));
      return;
    case 2:
      parts.push_back({static_cast<uint8_t>(below(random, 24)), parts[at].bytes});
      return;
    default:
      parts.push_back({static_cast<uint8_t>(below(random, 24)), Bytes(1 + below(random, 16), 0)});
      mutateBytes(parts.back().bytes, 64);
  }
}

// Puts what fits; nothing otherwise.
size_t put(const Bytes& bytes, uint8_t* data, size_t maxSize) {
  if (bytes.size() > maxSize) return 0;
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace

}  // namespace fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t maxSize,
                                          unsigned seed) {
  using namespace fuzz;
  Random random(seed);
  std::vector<Part> parts = partsOf({data, size});
  if (oneIn(random, 12)) {
    mutateParts(parts, random);
  } else {
    mutatePart(parts[below(random, parts.size())], maxSize, random);
  }
  const size_t length = put(joined(parts), data, maxSize);
  return length > 0 ? length : LLVMFuzzerMutate(data, size, maxSize);
}

// Parts of two inputs together; for two files, the beginning of one and the rest of the other.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t oneSize,
                                            const uint8_t* other, size_t otherSize, uint8_t* out,
                                            size_t maxSize, unsigned seed) {
  using namespace fuzz;
  Random random(seed);
  std::vector<Part> parts = partsOf({one, oneSize});
  const std::vector<Part> others = partsOf({other, otherSize});
  const Part& taken = others[below(random, others.size())];
  if (parts.size() == 1 && others.size() == 1) {
    Bytes& bytes = parts.front().bytes;
    const size_t cut = std::min(below(random, bytes.size() + 1), taken.bytes.size());
    bytes.resize(cut);
    bytes.insert(bytes.end(), taken.bytes.begin() + static_cast<ptrdiff_t>(cut), taken.bytes.end());
  } else if (oneIn(random, 2)) {
    parts[below(random, parts.size())] = taken;
  } else {
    parts.push_back(taken);
  }
  return put(joined(parts), out, maxSize);
}
