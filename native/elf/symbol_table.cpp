#include "elf/symbol_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "elf/relocations.hpp"

namespace fixelf {

namespace {

Error unreadable(const char* what) {
  return Error{ErrorCode::Malformed, what, {}, 0};
}

// One machine's relocations that are not simply an address (each psABI; glibc
// sysdeps/*/dl-machine.h, elf_machine_type_class). R_*_NONE is 0 everywhere.
struct RelocationTypes {
  uint16_t machine;
  uint32_t copy;
  uint32_t jumpSlot;
  uint32_t relative;
  uint32_t indirect;                    // IRELATIVE
  std::array<uint32_t, 7> threadLocal;  // DTPMOD, DTPOFF, TPOFF, TLSDESC; 0 for none
};

constexpr uint16_t kLoongArch = 258;  // EM_LOONGARCH, which older headers do not name

constexpr RelocationTypes kTypes[] = {
    {EM_X86_64, 5, 7, 8, 37, {16, 17, 18, 36}},
    {EM_386, 5, 7, 8, 42, {14, 35, 36, 37, 41}},
    {EM_AARCH64, 1024, 1026, 1027, 1032, {1028, 1029, 1030, 1031}},
    {EM_ARM, 20, 22, 23, 160, {13, 17, 18, 19}},
    {EM_RISCV, 4, 5, 3, 58, {6, 7, 8, 9, 10, 11, 12}},
    {EM_PPC64, 19, 21, 22, 248, {68, 73, 78}},
    {EM_S390, 9, 11, 12, 61, {54, 55, 56}},
    {kLoongArch, 4, 5, 3, 12, {6, 7, 8, 9, 10, 11, 13}},
};

// "unexpected reloc type" of elf_machine_rela and elf_machine_lazy_rel (glibc
// sysdeps/x86_64/dl-machine.h), for which all types of other machines are considered expected here;
// "unsupported relocation type" of do_relocs (musl ldso/dynlink.c), which lacks IRELATIVE.
void noteUnknown(const RelocationTypes& types, uint64_t type, bool inJumps,
                 UnknownRelocations& unknown) {
  constexpr uint32_t kKnown[] = {0, 1, 2, 5, 6, 7, 8, 10, 16, 17, 18, 24, 32, 33, 36, 37, 38};
  constexpr uint32_t kLazy[] = {7, 36, 37};
  if (type == types.indirect) unknown.byMusl = type;
  if (types.machine != EM_X86_64) return;
  const bool isKnown = std::ranges::find(kKnown, type) != std::end(kKnown);
  const bool isLazy = std::ranges::find(kLazy, type) != std::end(kLazy);
  if (!isKnown) unknown.atOnce = type;
  if (inJumps ? !isLazy : !isKnown) unknown.lazily = type;
}

// The offset from the thread pointer, for which glibc's CHECK_STATIC_TLS looks up the block; on
// these machines it divides by the alignment of what has none (elf/dl-reloc.c,
// _dl_try_allocate_static_tls).
bool isFixedPlace(const RelocationTypes& types, uint64_t type) {
  if (types.machine == EM_X86_64) return type == 18;
  return types.machine == EM_386 && (type == 14 || type == 37);
}

uint8_t useOf(const RelocationTypes& types, uint64_t type, bool inJumps) {
  if (type == 0 || type == types.relative) return 0;
  if (type == types.copy) return kCopy;
  if (type == types.jumpSlot) return inJumps ? kLazyFunction : kDefinition;
  if (std::ranges::find(types.threadLocal, type) == types.threadLocal.end()) return kAddress;
  if (isFixedPlace(types, type)) return kDefinition | kFixedPlace;
  // A TLS descriptor among the function relocations is filled in when it is used.
  return inJumps ? kLazyFunction : kDefinition;
}

}  // namespace

Result<SymbolTable> SymbolTable::read(const Source& source, const Image& image) {
  SymbolTable table(image);
  const auto address = image.dynamicValue(DT_SYMTAB);
  if (!address) return table;
  if (Status status = table.readHash(source, image); !status) return status.error();
  std::vector<uint8_t> uses;
  if (Status status = table.readReferences(source, image, uses); !status) return status.error();
  if (table.damage_) return table;
  table.count_ = std::max(table.hashedEnd_, static_cast<uint32_t>(uses.size()));
  if (table.count_ == 0) return table;

  const auto offset = image.fileOffset(*address);
  const auto strings = StringTable::dynamicOf(image);
  if (!offset || !strings) return unreadable("its dynamic symbols are not in the file");
  auto symbols = table.table(source, *offset, uint64_t{table.count_} * image.codec.symbolSize());
  if (!symbols) return symbols.error();
  table.symbols_ = std::move(*symbols);
  auto texts = table.table(source, strings->offset, strings->size);
  if (!texts) return texts.error();
  table.strings_ = std::move(*texts);

  if (const auto numbers = image.dynamicValue(DT_VERSYM)) {
    const auto at = image.fileOffset(*numbers);
    if (!at) return unreadable("its symbols' versions are not in the file");
    auto versions = readNumberedVersions(source, image, *strings);
    if (!versions) {
      table.damage_ = versions.error().message;
      return table;
    }
    auto bytes = table.table(source, *at, uint64_t{table.count_} * 2);
    if (!bytes) return bytes.error();
    table.versions_ = std::move(*versions);
    table.versionNumbers_ = std::move(*bytes);
  }
  for (uint32_t index = 0; index < uses.size(); ++index) {
    if (uses[index] != 0) table.references_.push_back({index, uses[index]});
  }
  // Numbers 0 and 1 are for symbols without a version; glibc indexes l_versions with any other.
  for (const Reference& reference : table.references_) {
    if (!table.versioned()) break;
    const uint16_t number = table.versionNumber(reference.symbol) & 0x7fffU;
    if (number > 1 && number >= table.versions_.size())
      table.damage_ = "its symbols have version numbers that no record has";
  }
  return table;
}

Result<std::vector<uint8_t>> SymbolTable::table(const Source& source, uint64_t offset,
                                                uint64_t size) {
  auto bytes = source.bytes(offset, size, left_);
  if (bytes) left_ -= size;
  return bytes;
}

Status SymbolTable::readHash(const Source& source, const Image& image) {
  // Loaders use DT_GNU_HASH if there are both (glibc elf/setup_hash.h).
  if (image.dynamicValue(DT_GNU_HASH)) {
    const auto head = GnuHashHead::read(source, image);
    // _dl_setup_hash asserts that it is a power of two (glibc elf/dl-setup_hash.c).
    if (!head || (head->bloomWords & (head->bloomWords - 1)) != 0) {
      damage_ = "its hash table is damaged, so that its loader stops";
      return Done{};
    }
    if (head->bucketCount == 0) return Done{};  // nothing is defined
    const bool usable = head->bloomWords > 0 && head->bloomShift < 32;
    if (!usable) return unreadable("its hash table is damaged");
    const uint64_t start = head->offset + 16;
    auto bytes = table(source, start, head->end(codec_) - start);
    if (!bytes) return bytes.error();
    gnuHash_ = std::move(*bytes);
    bucketCount_ = head->bucketCount;
    firstHashed_ = head->firstHashed;
    bloomWords_ = head->bloomWords;
    bloomShift_ = head->bloomShift;
    hashedEnd_ = head->empty() ? 0 : static_cast<uint32_t>(head->hashedEnd);
    return Done{};
  }
  if (!image.dynamicValue(DT_HASH)) return Done{};
  const auto head = SystemVHashHead::read(source, image);
  if (!head) return unreadable("its hash table is damaged");
  auto bytes = table(source, head->offset, head->size());
  if (!bytes) return bytes.error();
  systemVHash_ = std::move(*bytes);
  hashWordSize_ = head->wordSize;
  bucketCount_ = static_cast<uint32_t>(head->bucketCount);
  hashedEnd_ = static_cast<uint32_t>(head->chainCount);
  return Done{};
}

// `uses` is indexed by symbol number.
Status SymbolTable::readReferences(const Source& source, const Image& image,
                                   std::vector<uint8_t>& uses) {
  const auto types = std::ranges::find(kTypes, image.header.machine, &RelocationTypes::machine);
  if (types == std::end(kTypes)) return Done{};
  const auto tables = relocationTables(source, image);
  if (!tables) {
    damage_ = "its relocations cannot be read: " + tables.error().message;
    return Done{};
  }
  const RelocationTable jumps = jumpRelocations(image).value_or(RelocationTable{});
  for (RelocationTable relocations : *tables) {
    // Loaders apply the first ones without checking them (elf/dynamic-link.h, DT_RELACOUNT).
    if (relocations.offset != jumps.offset) {
      const bool rela = relocations.entrySize == 3 * codec_.wordSize();
      const uint64_t relative = image.dynamicValue(rela ? DT_RELACOUNT : DT_RELCOUNT).value_or(0);
      const uint64_t skipped =
          std::min(relative, relocations.size / relocations.entrySize) * relocations.entrySize;
      // "Assertion `ELFW(R_TYPE) (reloc->r_info) == …RELATIVE' failed"; they are sorted.
      if (skipped > 0) {
        const uint64_t last = relocations.offset + skipped - relocations.entrySize;
        auto entry = source.bytes(last, relocations.entrySize, relocations.entrySize);
        if (!entry) return entry.error();
        if (relocationType(codec_, *entry) != types->relative)
          damage_ = "DT_RELACOUNT counts relocations that are not relative, so its loader stops";
      }
      relocations.offset += skipped;
      relocations.size -= skipped;
    }
    if (relocations.size % relocations.entrySize != 0 || relocations.offset % 4 != 0) {
      damage_ = "its relocations are not whole entries";
      return Done{};
    }
    if (relocations.size > kMostBytes) return unreadable("it has too many relocations");
    bool numbered = true;
    const Status visited = source.visit(
        relocations.offset, relocations.size / relocations.entrySize, relocations.entrySize,
        [&](std::span<const uint8_t> entries, uint64_t offset) {
          for (; entries.size() >= relocations.entrySize && numbered;
               entries = entries.subspan(relocations.entrySize), offset += relocations.entrySize) {
            const uint64_t symbol = relocationSymbol(codec_, entries);
            const bool inJumps = offset >= jumps.offset && offset - jumps.offset < jumps.size;
            const uint64_t type = relocationType(codec_, entries);
            noteUnknown(*types, type, inJumps, unknown_);
            if (symbol == STN_UNDEF) continue;
            const uint8_t use = useOf(*types, type, inJumps);
            if (use == 0) continue;
            numbered = symbol < kMostDynamicSymbols;
            if (numbered && symbol >= uses.size()) uses.resize(static_cast<size_t>(symbol) + 1);
            if (numbered) uses[static_cast<size_t>(symbol)] |= use;
          }
        });
    if (!visited) return visited.error();
    if (!numbered && !damage_) damage_ = "a relocation names a symbol that no table has";
    if (damage_) return Done{};
  }
  return Done{};
}

bool SymbolTable::definesIndirect() const {
  for (uint32_t index = firstHashed_; index < hashedEnd_; ++index) {
    const SymbolEntry entry = symbol(index);
    if ((entry.info & 0xfU) == STT_GNU_IFUNC && entry.section != SHN_UNDEF) return true;
  }
  return false;
}

SymbolEntry SymbolTable::symbol(uint32_t index) const {
  return SymbolEntry::decode(codec_, std::span(symbols_).subspan(index * codec_.symbolSize()));
}

std::optional<std::string_view> SymbolTable::name(const SymbolEntry& symbol) const {
  if (symbol.name >= strings_.size()) return std::nullopt;
  const uint8_t* start = &strings_[symbol.name];
  const size_t most = strings_.size() - symbol.name;
  const void* end = std::memchr(start, 0, most);
  if (end == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(start),
                          static_cast<size_t>(static_cast<const uint8_t*>(end) - start));
}

uint16_t SymbolTable::versionNumber(uint32_t index) const {
  return codec_.u16(&versionNumbers_[uint64_t{index} * 2]);
}

const NumberedVersion* SymbolTable::version(uint16_t number) const {
  const size_t at = number & 0x7fffU;
  if (at >= versions_.size() || versions_[at].hash == 0) return nullptr;
  return &versions_[at];
}

}  // namespace fixelf
