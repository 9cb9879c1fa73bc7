#include "patch/draft.hpp"

#include <algorithm>

#include "elf/extent.hpp"
#include "elf/relocations.hpp"
#include "elf/symbols.hpp"

namespace fixelf {

Error unsupported(std::string message) {
  return Error{ErrorCode::Unsupported, std::move(message), {}, 0};
}

namespace {

// Things that the gABI allows once (chapter 5, "Program Header"), and of which some readers take
// the first and others the last: whoever reads the result of an edit might read the other one.
Status refuseAmbiguity(const Image& image) {
  constexpr struct {
    uint32_t type;
    const char* text;
  } kUnique[] = {
      {PT_DYNAMIC, "several PT_DYNAMIC headers, of which loaders take the last"},
      {PT_INTERP,
       "several PT_INTERP headers, of which the kernel takes the first and the loader "
       "the last"},
      {PT_PHDR, "several PT_PHDR headers, of which the loader takes the last"},
  };
  for (const auto& [type, text] : kUnique) {
    if (image.segment(type) != image.lastSegment(type))
      return unsupported(std::string("the file has ") + text + "; other tools take another one");
  }
  if (!image.dynamic.empty() && image.dynamicSegment()->offset != image.dynamicOffset) {
    return unsupported(
        "PT_DYNAMIC has an offset and an address of different places, of which loaders take the "
        "address; other tools take the offset");
  }
  if (!image.dynamic.empty() && image.dynamic.size() >= image.dynamicCapacity) {
    return unsupported("the dynamic table goes on behind the end that PT_DYNAMIC gives it (" +
                       std::to_string(image.dynamic.size() + 1) + " entries, not " +
                       std::to_string(image.dynamicCapacity) + ")");
  }
  return Done{};
}

}  // namespace

Result<Draft> Draft::read(const Source& source) {
  Draft draft(source);
  auto image = Image::read(source);
  if (!image) return image.error();
  if (Status status = refuseAmbiguity(*image); !status) return status.error();
  draft.image = std::move(*image);
  auto sections = readSectionHeaders(source, draft.image);
  if (!sections) {
    return unsupported("the section headers are damaged (" + sections.error().message +
                       "), so nobody can say which bytes are free");
  }
  draft.sections = std::move(*sections);
  if (describesOtherFile(draft.image, draft.sections)) {
    return unsupported(
        "this is debug information that was split off a program, whose program headers it has: "
        "there is nothing in it to change");
  }
  draft.limitDynamicCapacity();
  draft.symbolCount = dynamicSymbolCount(source, draft.image, draft.sections);
  if (!draft.symbolCount) {
    draft.symbolCount = relocatedSymbolCount(source, draft.image);
    draft.symbolCountIsLeast = draft.symbolCount && *draft.symbolCount <= kMostDynamicSymbols;
    if (!draft.symbolCountIsLeast) draft.symbolCount.reset();
  }
  draft.pieces = findPieces(source, draft.image, draft.sections, draft.symbolCount);
  draft.header = draft.image.header;
  draft.segments = draft.image.programHeaders;
  draft.newSections = draft.sections;
  draft.dynamic.reserve(draft.image.dynamic.size());
  for (const DynamicEntry& entry : draft.image.dynamic)
    draft.dynamic.push_back({entry, {}});
  return draft;
}

// The loader stops at DT_NULL, whatever p_filesz says: what follows may belong to something else.
void Draft::limitDynamicCapacity() {
  const size_t entrySize = codec().dynamicEntrySize();
  const uint64_t used = (image.dynamic.size() + 1) * entrySize;
  const uint64_t end = image.dynamicOffset + image.dynamicCapacity * entrySize;
  const bool shared =
      std::any_of(sections.begin(), sections.end(), [&](const SectionHeader& section) {
        return section.allocated() && section.type != SHT_NOBITS && section.size > 0 &&
               section.offset > image.dynamicOffset && section.offset < end;
      });
  if (image.dynamicCapacity > 0 &&
      (shared || !isPadding(*source_, image.dynamicOffset + used, end))) {
    image.dynamicCapacity = image.dynamic.size() + 1;
  }
}

const Piece* Draft::pieceOf(PieceKind kind) const {
  const auto found = std::find_if(pieces.begin(), pieces.end(),
                                  [kind](const Piece& piece) { return piece.kind == kind; });
  return found == pieces.end() ? nullptr : &*found;
}

Result<Part*> Draft::load(const Piece& piece) {
  for (Part& part : parts) {
    if (part.piece.offset == piece.offset && part.piece.kind == piece.kind && !part.isNew())
      return &part;
  }
  // For new names, and for what a large string table grows over (Placement::growStrings).
  const auto room =
      static_cast<size_t>(std::min<uint64_t>(piece.size / 2 + 16'384, Part::kMostBytes));
  auto bytes = source_->bytes(piece.offset, piece.size, Part::kMostBytes, room);
  if (!bytes) return bytes.error();
  Part part;
  part.piece = piece;
  part.bytes = std::move(*bytes);
  parts.push_back(std::move(part));
  return &parts.back();
}

Part& Draft::extend(const Piece& piece) {
  Part part;
  part.piece = piece;
  part.kept = static_cast<size_t>(piece.size);
  return parts.emplace_back(std::move(part));
}

Result<Part*> Draft::load(PieceKind kind) {
  const Piece* piece = pieceOf(kind);
  if (piece == nullptr) return static_cast<Part*>(nullptr);
  return load(*piece);
}

Part* Draft::loaded(PieceKind kind) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [kind](const Part& part) { return part.piece.kind == kind; });
  return found == parts.end() ? nullptr : &*found;
}

SectionHeader* Draft::newSectionOf(const Piece& piece) {
  for (size_t index = 0; index < sections.size(); ++index) {
    const SectionHeader& section = sections[index];
    if (section.allocated() && section.type != SHT_NOBITS && section.size > 0 &&
        section.offset == piece.offset) {
      return &newSections[index];
    }
  }
  return nullptr;
}

Status Draft::requireDynamicTable() const {
  if (image.dynamic.empty()) return unsupported("the file has no dynamic table: it is static");
  return Done{};
}

Status Draft::requireLoader() const {
  const bool staticPie = image.segment(PT_INTERP) == nullptr &&
                         (image.dynamicValue(DT_FLAGS_1).value_or(0) & DF_1_PIE) != 0;
  if (staticPie) {
    return unsupported(
        "it is a static PIE: it relocates itself, and no loader ever reads its dynamic table");
  }
  return Done{};
}

bool Draft::namesText(int64_t tag) {
  switch (tag) {
    case DT_NEEDED:
    case DT_SONAME:
    case DT_RPATH:
    case DT_RUNPATH:
    case DT_CONFIG:
    case DT_DEPAUDIT:
    case DT_AUDIT:
    case DT_AUXILIARY:
    case DT_FILTER:
      return true;
    default:
      return false;
  }
}

Result<std::string> Draft::nameAt(uint64_t index) {
  constexpr uint64_t kMostNameBytes = 64U << 20;
  const auto strings = StringTable::dynamicOf(image);
  if (!strings) return unsupported("the file has no dynamic string table");
  auto name = strings->at(*source_, index);
  if (name && (nameBytes_ += name->size()) > kMostNameBytes) {
    return Error{ErrorCode::LimitExceeded, "the file has too many names to hold", {}, 0};
  }
  return name;
}

Result<std::string> Draft::textOf(const DraftEntry& entry) {
  if (entry.name) return *entry.name;
  return nameAt(entry.entry.value);
}

void Draft::rename(DraftEntry& entry, std::string name) {
  if (!entry.name) freedNames.push_back(entry.entry.value);
  entry.name = std::move(name);
}

DraftEntry* Draft::find(int64_t tag) {
  // The last one counts: glibc elf/get-dynamic-info.h lets a later entry overwrite an earlier one.
  const auto found = std::find_if(dynamic.rbegin(), dynamic.rend(),
                                  [tag](const DraftEntry& each) { return each.entry.tag == tag; });
  return found == dynamic.rend() ? nullptr : &*found;
}

}  // namespace fixelf
