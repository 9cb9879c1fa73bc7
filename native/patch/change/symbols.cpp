// Dynamic symbols: other names, and names without a version.
//
// A renamed symbol has another hash, so it belongs into another chain. DT_HASH is made anew where
// it stands. In DT_GNU_HASH a bucket's symbols lie side by side in the symbol table, so symbols
// change their order, and whatever counts symbols follows: versions and relocations.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "patch/changes.hpp"
#include "patch/symbols.hpp"

namespace fixelf {

namespace {

// gABI chapter 5, "Hash Table".
uint32_t systemVHash(const std::string& name) {
  uint32_t hash = 0;
  for (const char letter : name) {
    hash = (hash << 4U) + static_cast<uint8_t>(letter);
    hash ^= (hash >> 24U) & 0xf0U;
    hash &= 0x0fffffffU;
  }
  return hash;
}

// glibc elf/dl-new-hash.h.
uint32_t gnuHash(const std::string& name) {
  uint32_t hash = 5381;
  for (const char letter : name)
    hash = hash * 33 + static_cast<uint8_t>(letter);
  return hash;
}

Result<std::vector<std::string>> symbolNames(Draft& draft, const Part& symbols) {
  const size_t size = draft.codec().symbolSize();
  std::vector<std::string> names;
  names.reserve(symbols.bytes.size() / size);
  for (size_t at = 0; at + size <= symbols.bytes.size(); at += size) {
    auto name = draft.nameAt(draft.codec().u32(&symbols.bytes[at]));
    if (!name) return name.error();
    names.push_back(std::move(*name));
  }
  return names;
}

Status rebuildSystemVHash(Draft& draft, const std::vector<std::string>& names) {
  const auto head = SystemVHashHead::read(draft.source(), draft.image);
  if (!head) return Done{};
  auto part = draft.load(PieceKind::SystemVHash);
  if (!part) return part.error();
  if (*part == nullptr || head->bucketCount == 0 || head->chainCount < names.size())
    return unsupported("the hash table is damaged");
  std::vector<uint8_t>& bytes = (*part)->bytes;
  const auto word = [&](uint64_t index) {
    return &bytes[static_cast<size_t>(index * head->wordSize)];
  };
  const auto get = [&](uint64_t index) -> uint64_t {
    return head->wordSize == 8 ? draft.codec().u64(word(index)) : draft.codec().u32(word(index));
  };
  const auto put = [&](uint64_t index, uint64_t value) {
    if (head->wordSize == 8)
      draft.codec().putU64(word(index), value);
    else
      draft.codec().putU32(word(index), static_cast<uint32_t>(value));
  };
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(2 * head->wordSize), bytes.end(), uint8_t{0});
  // Symbol 0 is STN_UNDEF and ends each chain.
  for (uint64_t symbol = names.size(); symbol-- > 1;) {
    const uint64_t bucket = 2 + systemVHash(names[static_cast<size_t>(symbol)]) % head->bucketCount;
    put(2 + head->bucketCount + symbol, get(bucket));
    put(bucket, symbol);
  }
  return Done{};
}

// Where each symbol goes so that the symbols of a bucket lie side by side; order is kept otherwise.
struct Order {
  std::vector<uint32_t> newOf;  // by old index

  [[nodiscard]] bool isIdentity() const {
    for (size_t index = 0; index < newOf.size(); ++index)
      if (newOf[index] != index) return false;
    return true;
  }
  template <class Item>
  void apply(std::vector<Item>& items) const {
    std::vector<Item> moved(items.size());
    for (size_t index = 0; index < items.size(); ++index)
      moved[newOf[index]] = std::move(items[index]);
    items = std::move(moved);
  }
  void applyToRecords(std::vector<uint8_t>& bytes, size_t size) const {
    std::vector<uint8_t> moved(bytes);
    for (size_t index = 0; index < newOf.size() && (index + 1) * size <= bytes.size(); ++index) {
      std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(index * size), size,
                  moved.begin() + static_cast<ptrdiff_t>(newOf[index] * size));
    }
    bytes = std::move(moved);
  }
};

Order orderByBucket(const std::vector<std::string>& names, uint32_t firstHashed,
                    uint32_t bucketCount) {
  std::vector<uint32_t> oldOf(names.size());
  std::iota(oldOf.begin(), oldOf.end(), 0U);
  std::vector<uint32_t> bucketOf(names.size());
  for (size_t index = firstHashed; index < names.size(); ++index)
    bucketOf[index] = gnuHash(names[index]) % bucketCount;
  std::stable_sort(oldOf.begin() + firstHashed, oldOf.end(),
                   [&](uint32_t a, uint32_t b) { return bucketOf[a] < bucketOf[b]; });
  Order order{std::vector<uint32_t>(names.size())};
  for (uint32_t index = 0; index < oldOf.size(); ++index)
    order.newOf[oldOf[index]] = index;
  return order;
}

// `names` in their new order.
Status rebuildGnuHash(Draft& draft, const GnuHashHead& head,
                      const std::vector<std::string>& names) {
  auto part = draft.load(PieceKind::GnuHash);
  if (!part) return part.error();
  if (*part == nullptr || head.bloomWords == 0) return unsupported("the GNU hash table is damaged");
  std::vector<uint8_t>& bytes = (*part)->bytes;
  const Codec& codec = draft.codec();
  const size_t word = codec.wordSize();
  const uint64_t bits = word * 8;
  const auto buckets = static_cast<size_t>(head.bucketsOffset(codec) - head.offset);
  const auto chains = static_cast<size_t>(head.chainsOffset(codec) - head.offset);
  std::fill(bytes.begin() + 16, bytes.end(), uint8_t{0});
  const auto bucketAt = [&](uint32_t hash) {
    return &bytes[buckets + size_t{hash % head.bucketCount} * 4];
  };
  for (size_t index = head.firstHashed; index < names.size(); ++index) {
    const uint32_t hash = gnuHash(names[index]);
    uint8_t* filter = &bytes[16 + (hash / bits % head.bloomWords) * word];
    const uint64_t mask =
        (uint64_t{1} << (hash % bits)) | (uint64_t{1} << ((hash >> (head.bloomShift % 32)) % bits));
    codec.putWord(filter, codec.word(filter) | mask);
    if (codec.u32(bucketAt(hash)) == 0) codec.putU32(bucketAt(hash), static_cast<uint32_t>(index));
    const bool last = index + 1 == names.size() ||
                      gnuHash(names[index + 1]) % head.bucketCount != hash % head.bucketCount;
    codec.putU32(&bytes[chains + (index - head.firstHashed) * 4], (hash & ~1U) | (last ? 1U : 0U));
  }
  return Done{};
}

// The relocation tables that the dynamic table names, as ranges of the file; DT_JMPREL may lie
// inside DT_RELA.
Result<std::map<uint64_t, std::pair<uint64_t, size_t>>> relocationTables(const Draft& draft) {
  std::map<uint64_t, std::pair<uint64_t, size_t>> tables;  // offset → end, entry size
  const size_t word = draft.codec().wordSize();
  const bool jumpsAreRela = draft.image.dynamicValue(DT_PLTREL).value_or(DT_REL) == DT_RELA;
  struct {
    int64_t address;
    int64_t size;
    size_t entry;
  } const kinds[] = {{DT_REL, DT_RELSZ, 2 * word},
                     {DT_RELA, DT_RELASZ, 3 * word},
                     {DT_JMPREL, DT_PLTRELSZ, (jumpsAreRela ? 3 : 2) * word}};
  for (const auto& [addressTag, sizeTag, entry] : kinds) {
    const auto address = draft.image.dynamicValue(addressTag);
    const uint64_t size = draft.image.dynamicValue(sizeTag).value_or(0);
    if (!address || size == 0) continue;
    const auto offset = draft.image.fileOffset(*address);
    if (!offset || !inside(*offset, size, draft.source().size()))
      return unsupported("a relocation table is not in the file");
    tables[*offset] = {std::max(tables[*offset].first, *offset + size), entry};
  }
  uint64_t covered = 0;
  for (auto& [offset, table] : tables) {
    if (offset < covered) {
      if (table.first <= covered) {
        table.first = offset;  // all of it lies inside the one before
        continue;
      }
      return unsupported("relocation tables overlap");
    }
    covered = table.first;
  }
  return tables;
}

Status renumberRelocations(Draft& draft, const Order& order) {
  auto tables = relocationTables(draft);
  if (!tables) return tables.error();
  const Codec& codec = draft.codec();
  const size_t word = codec.wordSize();
  constexpr uint64_t kMostRelocationBytes = 512U << 20;
  for (const auto& [offset, table] : *tables) {
    const auto& [end, entry] = table;
    if (end == offset) continue;
    auto bytes = draft.source().bytes(offset, end - offset, kMostRelocationBytes);
    if (!bytes) return bytes.error();
    for (size_t at = 0; at + entry <= bytes->size(); at += entry) {
      // r_info: the symbol's index above the type, in 32 and 24 bits (gABI, "Relocation").
      uint8_t* field = &(*bytes)[at + word];
      const uint64_t info = codec.word(field);
      const uint64_t symbol = codec.wide() ? info >> 32U : info >> 8U;
      if (symbol >= order.newOf.size()) continue;
      const uint64_t renumbered = order.newOf[static_cast<size_t>(symbol)];
      codec.putWord(field, codec.wide() ? (renumbered << 32U) | (info & 0xffffffffU)
                                        : (renumbered << 8U) | (info & 0xffU));
    }
    draft.patches.push_back({offset, std::move(*bytes)});
  }
  return Done{};
}

// Whether something counts symbols that renumberRelocations does not know.
Status refuseUnknownCounts(const Draft& draft) {
  const auto refuse = [](const char* what) {
    return unsupported(std::string("symbols would have to change their order, and ") + what);
  };
  // The GOT's order is that of the symbols (MIPS ABI supplement, "Global Offset Table").
  if (draft.header.machine == EM_MIPS)
    return refuse("on MIPS the global offset table goes by that order");
  if (draft.header.machine == EM_SPARC || draft.header.machine == EM_SPARCV9)
    return refuse("DT_SPARC_REGISTER names symbols by number");
  for (const int64_t tag : {int64_t{0x6000000f}, int64_t{0x60000011}}) {
    if (draft.image.dynamicValue(tag)) return refuse("its relocations are packed (DT_ANDROID_REL)");
  }
  for (const int64_t tag : {int64_t{DT_SYMINFO}, int64_t{34} /* DT_SYMTAB_SHNDX */}) {
    if (draft.image.dynamicValue(tag)) return refuse("a table beside them goes by their numbers");
  }
  const auto symbols = std::find_if(draft.sections.begin(), draft.sections.end(),
                                    [](const auto& each) { return each.type == SHT_DYNSYM; });
  for (const SectionHeader& section : draft.sections) {
    if (symbols == draft.sections.end() || section.link == 0 ||
        section.link != static_cast<uint32_t>(symbols - draft.sections.begin())) {
      continue;
    }
    const std::set<uint32_t> known = {SHT_HASH, SHT_GNU_HASH, SHT_GNU_versym, SHT_REL, SHT_RELA};
    if (!known.contains(section.type)) return refuse("a section of unknown type counts symbols");
  }
  return Done{};
}

Status reorder(Draft& draft, const GnuHashHead& head, std::vector<std::string>& names) {
  if (head.hashedEnd != names.size()) return unsupported("the GNU hash table is damaged");
  const Order order = orderByBucket(names, head.firstHashed, head.bucketCount);
  order.apply(names);
  if (order.isIdentity()) return rebuildGnuHash(draft, head, names);
  if (Status status = refuseUnknownCounts(draft); !status) return status;
  const size_t size = draft.codec().symbolSize();
  order.applyToRecords(draft.loaded(PieceKind::Symbols)->bytes, size);
  for (NameField& field : draft.nameFields) {
    if (field.part == PieceKind::Symbols)
      field.position = order.newOf[field.position / size] * size;
  }
  if (draft.image.dynamicValue(DT_VERSYM)) {
    auto versions = draft.load(PieceKind::VersionSymbols);
    if (!versions) return versions.error();
    if (*versions == nullptr) return unsupported("the table of symbol versions is not in the file");
    order.applyToRecords((*versions)->bytes, 2);
  }
  if (Status status = renumberRelocations(draft, order); !status) return status;
  draft.because("dynamic symbols change their order, as the GNU hash table wants them by bucket");
  return rebuildGnuHash(draft, head, names);
}

Result<Part*> loadSymbols(Draft& draft) {
  if (Status status = draft.requireLoader(); !status) return status.error();
  auto part = draft.load(PieceKind::Symbols);
  if (!part) return part.error();
  if (*part == nullptr)
    return unsupported(
        "nobody can say how many dynamic symbols there are: no hash table covers them");
  return part;
}

}  // namespace

Status clearSymbolVersions(Draft& draft, const std::vector<std::string>& symbols) {
  if (symbols.empty()) return Done{};
  auto part = loadSymbols(draft);
  if (!part) return part.error();
  auto names = symbolNames(draft, **part);
  if (!names) return names.error();
  const std::set<std::string> cleared(symbols.begin(), symbols.end());
  auto versions = draft.load(PieceKind::VersionSymbols);
  if (!versions) return versions.error();
  if (*versions == nullptr) return Done{};  // no symbol of the file has a version
  std::vector<uint8_t>& bytes = (*versions)->bytes;
  for (size_t index = 1; index < names->size() && (index + 1) * 2 <= bytes.size(); ++index) {
    if (cleared.contains((*names)[index])) draft.codec().putU16(&bytes[index * 2], VER_NDX_GLOBAL);
  }
  return Done{};
}

Status renameSymbols(Draft& draft, const std::vector<Renaming>& renamings) {
  if (renamings.empty()) return Done{};
  auto part = loadSymbols(draft);
  if (!part) return part.error();
  auto names = symbolNames(draft, **part);
  if (!names) return names.error();
  std::map<std::string, std::string> newNames;
  for (const auto& [from, to] : renamings) {
    if (from.empty() || to.empty()) return unsupported("a symbol's name is empty");
    newNames.emplace(from, to);
  }
  const size_t size = draft.codec().symbolSize();
  std::set<size_t> renamed;
  for (size_t index = 1; index < names->size(); ++index) {
    const auto found = newNames.find((*names)[index]);
    if (found == newNames.end() || found->second == found->first) continue;
    uint8_t* field = &(*part)->bytes[index * size];
    draft.freedNames.push_back(draft.codec().u32(field));
    draft.codec().putU32(field, 0);
    draft.nameFields.push_back({PieceKind::Symbols, index * size, found->second});
    (*names)[index] = found->second;
    renamed.insert(index);
  }
  if (renamed.empty()) return Done{};
  constexpr int64_t kMipsXHash = 0x70000036;  // DT_MIPS_XHASH, <elf.h> of glibc 2.33
  if (draft.header.machine == EM_MIPS && draft.image.dynamicValue(kMipsXHash))
    return unsupported("its symbols are found through DT_MIPS_XHASH, which can't be made anew");
  const auto head = GnuHashHead::read(draft.source(), draft.image);
  if (!head && draft.image.dynamicValue(DT_GNU_HASH))
    return unsupported("the GNU hash table is damaged");
  const bool anyHashed = head && !head->empty() &&
                         std::any_of(renamed.begin(), renamed.end(),
                                     [&](size_t index) { return index >= head->firstHashed; });
  if (anyHashed) {
    if (Status status = reorder(draft, *head, *names); !status) return status;
  }
  return rebuildSystemVHash(draft, *names);
}

}  // namespace fixelf
