// Dynamic symbols: other names, and names without a version.
//
// A renamed symbol has another hash, so it belongs in another chain. DT_HASH is rebuilt in place.
// In DT_GNU_HASH a bucket's symbols are adjacent in the symbol table, so symbols change their
// order, and whatever refers to them by number follows: versions and relocations.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "elf/relocations.hpp"
#include "elf/symbols.hpp"
#include "patch/changes.hpp"

namespace fixelf {

namespace {

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

// DT_HASH as bytes. A linker leaves some symbols out (local ones), and they stay out.
class SystemVHash {
 public:
  // None if the file has no such table; fails if it is damaged.
  static Result<std::optional<SystemVHash>> load(Draft& draft, size_t symbolCount) {
    const auto head = SystemVHashHead::read(draft.source(), draft.image);
    if (!head) {
      if (draft.image.dynamicValue(DT_HASH)) return unsupported("the hash table is damaged");
      return std::optional<SystemVHash>();
    }
    auto part = draft.load(PieceKind::SystemVHash);
    if (!part) return part.error();
    if (*part == nullptr || head->bucketCount == 0 || head->chainCount < symbolCount)
      return unsupported("the hash table is damaged");
    SystemVHash table(*head, (*part)->bytes);
    if (!table.markChained(draft.codec(), symbolCount))
      return unsupported("the hash table's chains are damaged");
    return std::optional<SystemVHash>(std::move(table));
  }

  // By symbol number: whether the table leads to the symbol.
  std::vector<uint8_t>& chained() { return chained_; }

  // For other names, given in symbol order.
  void rebuild(Draft& draft, const std::vector<std::string>& names) {
    const Codec& codec = draft.codec();
    std::fill(bytes_.begin() + static_cast<ptrdiff_t>(2 * head_.wordSize), bytes_.end(),
              uint8_t{0});
    // Symbol 0 is STN_UNDEF and ends each chain.
    for (uint64_t symbol = names.size(); symbol-- > 1;) {
      if (chained_[static_cast<size_t>(symbol)] == 0) continue;
      const uint64_t bucket =
          2 + systemVHash(names[static_cast<size_t>(symbol)]) % head_.bucketCount;
      put(codec, 2 + head_.bucketCount + symbol, get(codec, bucket));
      put(codec, bucket, symbol);
    }
    draft.loaded(PieceKind::SystemVHash)->bytes = std::move(bytes_);
  }

 private:
  SystemVHash(const SystemVHashHead& head, std::vector<uint8_t> bytes)
      : head_(head), bytes_(std::move(bytes)) {}

  bool markChained(const Codec& codec, size_t symbolCount) {
    chained_.assign(symbolCount, 0);
    for (uint64_t bucket = 0; bucket < head_.bucketCount; ++bucket) {
      for (uint64_t symbol = get(codec, 2 + bucket); symbol != 0;) {
        // One that is marked already means a chain that loops.
        if (symbol >= symbolCount || chained_[static_cast<size_t>(symbol)] != 0) return false;
        chained_[static_cast<size_t>(symbol)] = 1;
        symbol = get(codec, 2 + head_.bucketCount + symbol);
      }
    }
    return true;
  }

  [[nodiscard]] uint64_t get(const Codec& codec, uint64_t index) const {
    const uint8_t* at = &bytes_[static_cast<size_t>(index * head_.wordSize)];
    return head_.wordSize == 8 ? codec.u64(at) : codec.u32(at);
  }
  void put(const Codec& codec, uint64_t index, uint64_t value) {
    uint8_t* at = &bytes_[static_cast<size_t>(index * head_.wordSize)];
    if (head_.wordSize == 8)
      codec.putU64(at, value);
    else
      codec.putU32(at, static_cast<uint32_t>(value));
  }

  SystemVHashHead head_;
  std::vector<uint8_t> bytes_;
  std::vector<uint8_t> chained_;
};

// Where each symbol goes so that those of a bucket are adjacent; otherwise the order is kept.
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
  if (*part == nullptr || head.bloomWords == 0 || (*part)->piece.offset != head.offset ||
      (*part)->bytes.size() < head.end(draft.codec()) - head.offset) {
    return unsupported("the GNU hash table is damaged");
  }
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

Status renumberRelocations(Draft& draft, const Order& order) {
  auto tables = relocationTables(draft.source(), draft.image);
  if (!tables) return tables.error();
  const Codec& codec = draft.codec();
  for (const RelocationTable& table : *tables) {
    auto bytes = draft.source().bytes(table.offset, table.size, kMostRelocationBytes);
    if (!bytes) return bytes.error();
    for (size_t at = 0; at + table.entrySize <= bytes->size(); at += table.entrySize) {
      const std::span<uint8_t> entry = std::span(*bytes).subspan(at, table.entrySize);
      const uint64_t symbol = relocationSymbol(codec, entry);
      if (symbol < order.newOf.size())
        putRelocationSymbol(codec, entry, order.newOf[static_cast<size_t>(symbol)]);
    }
    draft.patches.push_back({table.offset, std::move(*bytes)});
  }
  return Done{};
}

// Refuses if something that renumberRelocations does not know refers to symbols by number.
Status refuseUnknownCounts(const Draft& draft) {
  const auto refuse = [](const char* what) {
    return unsupported(std::string("symbols would have to change their order, and ") + what);
  };
  // The GOT follows the order of the symbols (MIPS ABI supplement, "Global Offset Table").
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

// `chained`, unless null, goes by symbol number too.
Status reorder(Draft& draft, const GnuHashHead& head, std::vector<std::string>& names,
               std::vector<uint8_t>* chained) {
  if (head.hashedEnd != names.size()) return unsupported("the GNU hash table is damaged");
  const Order order = orderByBucket(names, head.firstHashed, head.bucketCount);
  order.apply(names);
  if (chained != nullptr) order.apply(*chained);
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
  if (Status status = draft.requireDynamicTable(); !status) return status.error();
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
    if (!cleared.contains((*names)[index])) continue;
    if (Status status = draft.requireLoader(); !status) return status;
    draft.codec().putU16(&bytes[index * 2], VER_NDX_GLOBAL);
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
  if (Status status = draft.requireLoader(); !status) return status;
  constexpr int64_t kMipsXHash = 0x70000036;  // DT_MIPS_XHASH, <elf.h> of glibc 2.33
  if (draft.header.machine == EM_MIPS && draft.image.dynamicValue(kMipsXHash))
    return unsupported("its symbols are found through DT_MIPS_XHASH, which can't be made anew");
  const auto head = GnuHashHead::read(draft.source(), draft.image);
  auto hash = SystemVHash::load(draft, names->size());
  if (!hash) return hash.error();
  if (!head && draft.image.dynamicValue(DT_GNU_HASH))
    return unsupported("the GNU hash table is damaged");
  const bool anyHashed = head && !head->empty() &&
                         std::any_of(renamed.begin(), renamed.end(),
                                     [&](size_t index) { return index >= head->firstHashed; });
  if (anyHashed) {
    auto* chained = *hash ? &(*hash)->chained() : nullptr;
    if (Status status = reorder(draft, *head, *names, chained); !status) return status;
  }
  if (*hash) (*hash)->rebuild(draft, *names);
  return Done{};
}

}  // namespace fixelf
