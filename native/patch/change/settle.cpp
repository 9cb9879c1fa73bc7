// The last step of all edits: names get their places in the string table, and entries theirs in the
// dynamic table.
#include <algorithm>
#include <map>

#include "elf/symbols.hpp"
#include "elf/versions.hpp"
#include "patch/changes.hpp"
#include "patch/names.hpp"

namespace fixelf {

namespace {

// Entries left free when the dynamic table has to move, so that it moves only once.
constexpr size_t kSpareDynamicEntries = 4;
// At most this many names are looked for in the whole table; if there are more (renamed symbols),
// none is.
constexpr size_t kMostSearched = 64;

// The file as the draft now has it, without the names that have no place yet.
class DraftView {
 public:
  explicit DraftView(const Draft& draft) : image_(draft.image) {
    image_.dynamic.clear();
    for (const DraftEntry& each : draft.dynamic)
      image_.dynamic.push_back(each.entry);
    for (const Part& part : draft.parts) {
      const bool holdsNames =
          part.piece.kind == PieceKind::Symbols || part.piece.kind == PieceKind::VersionNeeds;
      if (holdsNames) ranges_.push_back({part.piece.offset, part.bytes});
    }
    source_.emplace(draft.source(), ranges_, draft.source().size());
  }
  [[nodiscard]] const Image& image() const { return image_; }
  [[nodiscard]] const Source& source() const { return *source_; }

 private:
  Image image_;
  std::vector<ByteRange> ranges_;
  std::optional<PatchedSource> source_;
};

// Whether a section other than the known ones refers to the string table (prelink's
// SHT_GNU_LIBLIST, for one).
bool hasUnknownReferences(const Draft& draft, uint64_t stringsOffset) {
  return std::any_of(draft.sections.begin(), draft.sections.end(), [&](const SectionHeader& each) {
    if (each.link == 0 || each.link >= draft.sections.size() ||
        draft.sections[each.link].offset != stringsOffset) {
      return false;
    }
    return each.type != SHT_DYNSYM && each.type != SHT_DYNAMIC && each.type != SHT_GNU_verdef &&
           each.type != SHT_GNU_verneed && each.type != SHT_NULL;
  });
}

Status markReferences(const Draft& draft, DynamicNames& names) {
  for (const DraftEntry& each : draft.dynamic) {
    if (!each.name && Draft::namesText(each.entry.tag)) names.mark(each.entry.value);
  }
  const DraftView view(draft);
  if (!draft.symbolCount || draft.symbolCountIsLeast) {
    names.keepAll();
  } else if (*draft.symbolCount > 0) {
    const auto offset = view.image().fileOffset(*view.image().dynamicValue(DT_SYMTAB));
    const size_t size = draft.codec().symbolSize();
    const auto mark = [&](std::span<const uint8_t> symbols, uint64_t) {
      // st_name is the first field in both classes.
      for (size_t at = 0; at < symbols.size(); at += size)
        names.mark(draft.codec().u32(&symbols[at]));
    };
    if (!offset || !view.source().visit(*offset, *draft.symbolCount, size, mark)) names.keepAll();
  }
  // The loader sees whole pages, so a table may lie beyond the end that its segment claims
  // (patchelf 0.14 leaves some there): what it names is then unknown.
  for (const int64_t tag : {int64_t{DT_VERNEED}, int64_t{DT_VERDEF}}) {
    const auto address = view.image().dynamicValue(tag);
    if (address && !view.image().fileOffset(*address)) names.keepAll();
  }
  return visitVersionNames(view.source(), view.image(), [&](uint64_t index) { names.mark(index); });
}

struct Dispensable {
  int64_t tag;
  const char* why;
};

// Entries that make no difference to loaders. Taking their places is safer than moving the table
// away from _DYNAMIC, where the program itself may look, and out of RELRO.
std::vector<Dispensable> dispensableEntries(Draft& draft) {
  const auto holds = [&](int64_t tag, uint64_t bit) {
    const DraftEntry* each = draft.find(tag);
    return each != nullptr && (each->entry.value & bit) != 0;
  };
  std::vector<Dispensable> found;
  // glibc elf/get-dynamic-info.h treats DT_BIND_NOW, DF_BIND_NOW and DF_1_NOW as one.
  if (draft.find(DT_BIND_NOW) != nullptr &&
      (holds(DT_FLAGS, DF_BIND_NOW) || holds(DT_FLAGS_1, DF_1_NOW))) {
    found.push_back({DT_BIND_NOW, "DT_BIND_NOW, which the flags repeat, gives up its entry"});
  }
  const DraftEntry* flags = draft.find(DT_FLAGS);
  if (flags != nullptr && flags->entry.value == DF_BIND_NOW && holds(DT_FLAGS_1, DF_1_NOW))
    found.push_back({DT_FLAGS, "DT_FLAGS, which DT_FLAGS_1 repeats, gives up its entry"});
  // How many relocations at the start of the table are relative: glibc applies these in a separate
  // loop (elf/do-rel.h), musl never looks. A loader that relocates itself has no other way to tell
  // (RTLD_BOOTSTRAP in sysdeps/*/dl-machine.h), and needs no library.
  if (draft.find(DT_NEEDED) != nullptr) {
    for (const int64_t tag : {int64_t{DT_RELACOUNT}, int64_t{DT_RELCOUNT}}) {
      if (draft.find(tag) != nullptr)
        found.push_back({tag, "the count of relative relocations, a hint, gives up its entry"});
    }
  }
  return found;
}

// A name that needs a place in the string table, and what refers to it.
struct WantedName {
  std::string* name;
  DraftEntry* entry;
  const NameField* field;

  void put(Draft& draft, uint64_t index) const {
    if (entry != nullptr) {
      entry->entry.value = index;
      entry->name.reset();
    } else {
      Part* holder = draft.loaded(field->part);
      draft.codec().putU32(&holder->bytes[field->position], static_cast<uint32_t>(index));
    }
  }
};

// The longest first: it has the fewest places to go.
std::vector<WantedName> wantedNames(Draft& draft) {
  std::vector<WantedName> wanted;
  for (DraftEntry& each : draft.dynamic) {
    if (each.name) wanted.push_back({&*each.name, &each, nullptr});
  }
  for (NameField& field : draft.nameFields)
    wanted.push_back({&field.name, nullptr, &field});
  std::stable_sort(wanted.begin(), wanted.end(), [](const WantedName& a, const WantedName& b) {
    return a.name->size() > b.name->size();
  });
  return wanted;
}

// If nothing in a large table can be used, names go behind it: then neither is the table held nor
// are the references to it gathered, which for a large program would be most of the work. Returns
// whether that was so.
Result<bool> appendNames(Draft& draft, const Piece& piece, const std::vector<WantedName>& wanted) {
  constexpr uint64_t kLarge = 64U << 10;
  if (!draft.freedNames.empty() || piece.size < kLarge || piece.size > Part::kMostBytes ||
      wanted.size() > kMostSearched) {
    return false;
  }
  std::vector<const std::string*> names;
  names.reserve(wanted.size());
  for (const WantedName& each : wanted)
    names.push_back(each.name);
  auto useful = holdsPlaceFor(draft.source(), piece, names);
  if (!useful) return useful.error();
  if (*useful) return false;
  Part& strings = draft.extend(piece);
  std::map<std::string, uint64_t> placed;
  for (const WantedName& each : wanted) {
    const auto [at, isNew] = placed.try_emplace(*each.name, strings.size());
    if (isNew) {
      const char* const text = each.name->c_str();
      strings.bytes.insert(strings.bytes.end(), text, text + each.name->size() + 1);
      strings.touched.emplace_back(at->second, strings.size());
    }
    each.put(draft, at->second);
  }
  strings.moves = true;
  return true;
}

}  // namespace

Status settleNames(Draft& draft) {
  const std::vector<WantedName> wanted = wantedNames(draft);
  if (wanted.empty() && draft.freedNames.empty()) return Done{};
  const Piece* const found = draft.pieceOf(PieceKind::DynamicStrings);
  if (found == nullptr) return unsupported("the file has no dynamic string table");
  const Piece piece = *found;
  auto appended = appendNames(draft, piece, wanted);
  if (!appended) return appended.error();
  if (*appended) return Done{};

  auto part = draft.load(piece);
  if (!part) return part.error();
  DynamicNames names(std::move((*part)->bytes));
  if (hasUnknownReferences(draft, piece.offset)) names.keepAll();
  if (Status status = markReferences(draft, names); !status) return status;
  for (const auto& run : names.settle(draft.freedNames)) {
    draft.patches.push_back(
        {piece.offset + run.start,
         std::vector<uint8_t>(static_cast<size_t>(run.size()), DynamicNames::kBlank)});
  }

  const bool search = wanted.size() <= kMostSearched;
  const size_t sizeBefore = names.bytes().size();
  for (const WantedName& each : wanted)
    each.put(draft, names.put(*each.name, search));
  // load() again: the other parts may have grown the vector.
  auto strings = draft.load(piece);
  if (!strings) return strings.error();
  for (const auto& run : names.written())
    (*strings)->touched.emplace_back(run.start, run.end);
  (*strings)->bytes = names.takeBytes();
  // Blanks alone are written as patches.
  if (wanted.empty()) (*strings)->touched.emplace_back(0, 0);
  if ((*strings)->bytes.size() > sizeBefore) {
    (*strings)->moves = true;
  } else if (!wanted.empty()) {
    draft.because("the new names fit into bytes of the string table that nothing else refers to");
  }
  return Done{};
}

Status settleDynamicTable(Draft& draft) {
  if (draft.image.dynamicCapacity == 0) return Done{};
  const size_t before = draft.image.dynamic.size();
  const auto missing = [&] {
    const uint64_t wanted = draft.dynamic.size() + 1;
    return wanted - std::min<uint64_t>(wanted, draft.image.dynamicCapacity);
  };
  const std::vector<Dispensable> dispensable = dispensableEntries(draft);
  if (dispensable.size() < missing()) {
    auto part = draft.load(PieceKind::DynamicTable);
    if (!part) return part.error();
    if (*part == nullptr) return unsupported("the dynamic table is not in the file");
    (*part)->moves = true;
    (*part)->bytes.assign(
        (draft.dynamic.size() + 1 + kSpareDynamicEntries) * draft.codec().dynamicEntrySize(), 0);
    draft.because("the dynamic table has no spare entry and moves");
    if (draft.find(DT_DEBUG) != nullptr) {
      draft.because(
          "code of the program that looks for its libraries through _DYNAMIC and DT_DEBUG will "
          "find nothing in the old table");
    }
    return Done{};
  }
  for (auto each = dispensable.begin(); missing() > 0; ++each) {
    draft.erase([&](const DraftEntry& entry) { return entry.entry.tag == each->tag; });
    draft.because(each->why);
  }
  if (draft.dynamic.size() > before) draft.because("spare entries of the dynamic table are used");
  return Done{};
}

}  // namespace fixelf
