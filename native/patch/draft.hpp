// A file on its way from what it is to what it is to be: the model that edits change, that
// placement completes, and that is finally written out as bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "patch/edits.hpp"
#include "patch/pieces.hpp"

namespace fixelf {

Error unsupported(std::string message);

// A piece with its new content and, where it moves, its new place.
struct Part {
  Piece piece;  // where it is; without a size if new
  // The new content begins with this many bytes of the piece, which are not held; `bytes` follow.
  size_t kept = 0;
  std::vector<uint8_t> bytes;
  bool moves = false;
  bool removed = false;  // its place is zeroed
  bool placed = false;   // `offset` and `address` are valid
  bool grown = false;    // placed where it was, over what followed it
  uint64_t offset = 0;
  uint64_t address = 0;
  // If the part stays, which bytes of it are written: pairs of start and end, from its beginning.
  // If there are none, all of it is.
  std::vector<std::pair<uint64_t, uint64_t>> touched;

  [[nodiscard]] bool isNew() const { return piece.size == 0; }
  [[nodiscard]] size_t size() const { return kept + bytes.size(); }
  // No table of an honest file is larger.
  static constexpr uint64_t kMostBytes = 512U << 20;
};

// An entry of the dynamic table; `name` is its text if that still needs a place in the string
// table.
struct DraftEntry {
  DynamicEntry entry;
  std::optional<std::string> name;
};

// A 32-bit field of a part that is to hold the index of a name.
struct NameField {
  PieceKind part = PieceKind::Symbols;
  size_t position = 0;  // bytes from the part's start
  std::string name;
};

class Draft {
 public:
  // Fails with Unsupported if the section headers are damaged: there is then no telling which bytes
  // are free.
  static Result<Draft> read(const Source& source);

  const Source& source() const { return *source_; }
  const Codec& codec() const { return image.codec; }

  // As it is.
  Image image;
  std::vector<SectionHeader> sections;
  std::vector<Piece> pieces;
  std::optional<uint64_t> symbolCount;
  // The number of symbols is only known from the relocations: symbols that none of them names don't
  // count, so the symbol tables don't move, and no name in the string table is free.
  bool symbolCountIsLeast = false;

  // As it is to be.
  FileHeader header;
  std::vector<ProgramHeader> segments;
  std::vector<SectionHeader> newSections;
  std::vector<DraftEntry> dynamic;
  std::vector<Part> parts;
  std::vector<NameField> nameFields;
  std::vector<uint64_t> freedNames;  // indices that something no longer refers to
  std::vector<ByteRange> patches;    // bytes that change where they are, outside all parts
  // Segments that have no program header yet, and the name of a section that is to be added last.
  std::vector<ProgramHeader> newSegments;
  std::optional<std::string> newSectionName;
  std::vector<std::string> reasons;
  bool clearsVacated = false;  // zeros the place that a string table moved away from
  bool mayRepeatPayload = false;

  void because(std::string reason) { reasons.push_back(std::move(reason)); }

  [[nodiscard]] const Piece* pieceOf(PieceKind kind) const;
  // The part for a piece, read on first use; null if the file has no such piece. The pointer is
  // valid until the next call.
  Result<Part*> load(const Piece& piece);
  Result<Part*> load(PieceKind kind);
  // The part for a piece of at most Part::kMostBytes that only grows: none of what is there is
  // read.
  Part& extend(const Piece& piece);
  // The part of that kind, if it is loaded.
  [[nodiscard]] Part* loaded(PieceKind kind);
  // The section that covers exactly a piece, or starts where it does; null if there is none.
  [[nodiscard]] SectionHeader* newSectionOf(const Piece& piece);

  // Unsupported for a static program.
  [[nodiscard]] Status requireDynamicTable() const;
  // Unsupported if no loader ever reads the dynamic table, which must not change then.
  [[nodiscard]] Status requireLoader() const;
  // The name at an index into the dynamic string table. All requests together are held to a limit:
  // ten thousand records may all point at one long name.
  [[nodiscard]] Result<std::string> nameAt(uint64_t index);
  // The text of an entry as the file now has it, or as an edit has set it.
  [[nodiscard]] Result<std::string> textOf(const DraftEntry& entry);
  // Gives an entry another name, and releases the present one.
  void rename(DraftEntry& entry, std::string name);
  // Removes the entries that match, and releases their names.
  template <class Predicate>
  void erase(Predicate matches) {
    std::erase_if(dynamic, [&](const DraftEntry& each) {
      if (!matches(each)) return false;
      if (!each.name && namesText(each.entry.tag)) freedNames.push_back(each.entry.value);
      return true;
    });
  }
  [[nodiscard]] DraftEntry* find(int64_t tag);

  // Whether an entry's value is an index into the dynamic string table.
  static bool namesText(int64_t tag);

 private:
  explicit Draft(const Source& source) : source_(&source) {}
  void limitDynamicCapacity();
  const Source* source_;
  uint64_t nameBytes_ = 0;
};

}  // namespace fixelf
