#include "scan/columns.hpp"

#include <cstring>
#include <utility>

#include "scan/store_path.hpp"

namespace fixelf {

namespace {

size_t widthOf(Column::Type type) {
  switch (type) {
    case Column::Type::UInt8:
      return 1;
    case Column::Type::UInt32:
      return 4;
    case Column::Type::UInt64:
      return 8;
    default:
      return 0;
  }
}

void setBit(std::vector<uint8_t>& bits, uint32_t index, bool value) {
  if (index / 8 >= bits.size()) bits.push_back(0);
  if (value) bits[index / 8] = static_cast<uint8_t>(bits[index / 8] | 1U << (index % 8));
}

void textOrNull(Column& column, const std::optional<std::string>& value) {
  if (value)
    column.text(*value);
  else
    column.null();
}

void texts(Column& column, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    column.children.front().text(value);
  column.closeList();
}

using Type = Column::Type;

Column textList(std::string name) {
  return Column(std::move(name), Type::List, {Column("item", Type::Text)});
}

Column structList(std::string name, std::vector<Column> fields) {
  return Column(std::move(name), Type::List, {Column("item", Type::Struct, std::move(fields))});
}

// A field of a list of structs.
Column& field(Column& list, size_t index) {
  return list.children.front().children[index];
}

// A column, and how a file's facts fill its next row.
struct Filled {
  Column column;
  void (*fill)(Column&, const Facts&);
};

// The names are those of lib/addon/facts.ts; objects there are flat here, except lists.
std::vector<Filled> makeFactsColumns() {
  return {
      {Column("path", Type::Text), [](Column& c, const Facts& f) { c.text(f.path); }},
      {Column("storePath", Type::Text),
       [](Column& c, const Facts& f) {
         const std::string_view storePath = storePathOf(f.path);
         if (storePath.empty())
           c.null();
         else
           c.text(storePath);
       }},
      {Column("size", Type::UInt64), [](Column& c, const Facts& f) { c.number(f.size); }},
      {Column("class", Type::Text),
       [](Column& c, const Facts& f) { c.text(className(f.header.fileClass)); }},
      {Column("byteOrder", Type::Text),
       [](Column& c, const Facts& f) { c.text(byteOrderName(f.header.byteOrder)); }},
      {Column("machine", Type::Text),
       [](Column& c, const Facts& f) { c.text(machineName(f.header.machine)); }},
      {Column("osAbi", Type::Text),
       [](Column& c, const Facts& f) { c.text(osAbiName(f.header.osAbi)); }},
      {Column("osAbiNumber", Type::UInt8),
       [](Column& c, const Facts& f) { c.number(f.header.osAbi); }},
      {Column("abiVersion", Type::UInt8),
       [](Column& c, const Facts& f) { c.number(f.header.abiVersion); }},
      {Column("type", Type::Text), [](Column& c, const Facts& f) { c.text(kindName(f.kind)); }},
      {Column("entry", Type::UInt64), [](Column& c, const Facts& f) { c.number(f.header.entry); }},
      {Column("interpreter", Type::Text),
       [](Column& c, const Facts& f) { textOrNull(c, f.interpreter); }},
      {Column("dynamicTable", Type::Text),
       [](Column& c, const Facts& f) { c.text(dynamicTableName(f.dynamic)); }},
      {Column("soname", Type::Text), [](Column& c, const Facts& f) { textOrNull(c, f.soname); }},
      {textList("needed"), [](Column& c, const Facts& f) { texts(c, f.needed); }},
      {Column("rpath", Type::Text), [](Column& c, const Facts& f) { textOrNull(c, f.rpath); }},
      {Column("runpath", Type::Text), [](Column& c, const Facts& f) { textOrNull(c, f.runpath); }},
      {Column("noDefaultLibraries", Type::Boolean),
       [](Column& c, const Facts& f) { c.boolean(f.noDefaultLibraries()); }},
      {structList("versionsNeeded", {Column("library", Type::Text),
                                     structList("versions", {Column("name", Type::Text),
                                                             Column("weak", Type::Boolean)})}),
       [](Column& c, const Facts& f) {
         for (const NeededVersions& needed : f.versionsNeeded) {
           field(c, 0).text(needed.library);
           Column& versions = field(c, 1);
           for (const NeededVersion& version : needed.versions) {
             field(versions, 0).text(version.name);
             field(versions, 1).boolean(version.weak);
             versions.children.front().closeStruct();
           }
           versions.closeList();
           c.children.front().closeStruct();
         }
         c.closeList();
       }},
      {textList("versionsDefined"), [](Column& c, const Facts& f) { texts(c, f.versionsDefined); }},
      {Column("buildId", Type::Text),
       [](Column& c, const Facts& f) {
         if (f.notes.buildId.empty())
           c.null();
         else
           c.text(f.notes.buildId);
       }},
      {Column("abiTagSystem", Type::Text),
       [](Column& c, const Facts& f) {
         if (f.notes.abiTag)
           c.text(f.notes.abiTag->operatingSystem);
         else
           c.null();
       }},
      {Column("abiTagKernel", Type::Text),
       [](Column& c, const Facts& f) {
         if (!f.notes.abiTag) return c.null();
         const auto& kernel = f.notes.abiTag->kernel;
         c.text(std::to_string(kernel[0]) + "." + std::to_string(kernel[1]) + "." +
                std::to_string(kernel[2]));
       }},
      {textList("dlopen"), [](Column& c, const Facts& f) { texts(c, f.notes.dlopen); }},
      {Column("x86IsaNeeded", Type::UInt32),
       [](Column& c, const Facts& f) {
         if (f.notes.x86IsaNeeded)
           c.number(*f.notes.x86IsaNeeded);
         else
           c.null();
       }},
      {structList("resolutionCache", {Column("soname", Type::Text), Column("places", Type::Text)}),
       [](Column& c, const Facts& f) {
         if (!f.notes.resolutionCache) return c.null();
         for (const CachedResolution& cached : *f.notes.resolutionCache) {
           field(c, 0).text(cached.soname);
           field(c, 1).text(cached.places);
           c.children.front().closeStruct();
         }
         c.closeList();
       }},
      {Column("executableStack", Type::Boolean),
       [](Column& c, const Facts& f) {
         if (f.executableStack)
           c.boolean(*f.executableStack);
         else
           c.null();
       }},
      {Column("relro", Type::Text), [](Column& c, const Facts& f) { c.text(relroName(f.relro)); }},
      {Column("sectionHeaders", Type::Boolean),
       [](Column& c, const Facts& f) { c.boolean(f.sectionHeaders); }},
      {Column("overlayOffset", Type::UInt64),
       [](Column& c, const Facts& f) {
         if (f.overlay)
           c.number(f.overlay->offset);
         else
           c.null();
       }},
      {Column("overlaySize", Type::UInt64),
       [](Column& c, const Facts& f) {
         if (f.overlay)
           c.number(f.overlay->size);
         else
           c.null();
       }},
  };
}

const std::vector<Filled>& factsColumns() {
  // Never destroyed: other threads may be here while the process exits.
  static const auto& kColumns = *new std::vector<Filled>(makeFactsColumns());
  return kColumns;
}

}  // namespace

const char* columnTypeName(Column::Type type) {
  switch (type) {
    case Type::Text:
      return "text";
    case Type::Boolean:
      return "boolean";
    case Type::UInt8:
      return "uint8";
    case Type::UInt32:
      return "uint32";
    case Type::UInt64:
      return "uint64";
    case Type::List:
      return "list";
    case Type::Struct:
      return "struct";
  }
  return "struct";
}

Column::Column(std::string columnName, Type columnType, std::vector<Column> columnChildren)
    : name(std::move(columnName)), type(columnType), children(std::move(columnChildren)) {
  if (type == Type::Text || type == Type::List) offsets.push_back(0);
}

void Column::valid() {
  if (!validity.empty()) setBit(validity, length, true);
  ++length;
}

void Column::null() {
  if (validity.empty()) {
    // Until now all rows had values.
    for (uint32_t row = 0; row < length; ++row)
      setBit(validity, row, true);
  }
  setBit(validity, length, false);
  ++nulls;
  if (!offsets.empty()) offsets.push_back(offsets.back());
  if (type == Type::Boolean) setBit(values, length, false);
  values.resize(values.size() + widthOf(type));
  ++length;
}

void Column::text(std::string_view value) {
  values.insert(values.end(), value.begin(), value.end());
  offsets.push_back(static_cast<int32_t>(values.size()));
  valid();
}

void Column::boolean(bool value) {
  setBit(values, length, value);
  valid();
}

void Column::number(uint64_t value) {
  const auto append = [this](auto narrow) {
    const size_t at = values.size();
    values.resize(at + sizeof narrow);
    std::memcpy(&values[at], &narrow, sizeof narrow);
  };
  if (type == Type::UInt8)
    append(static_cast<uint8_t>(value));
  else if (type == Type::UInt32)
    append(static_cast<uint32_t>(value));
  else
    append(value);
  valid();
}

void Column::closeList() {
  offsets.push_back(static_cast<int32_t>(children.front().length));
  valid();
}

void Column::closeStruct() {
  valid();
}

Column branchColumn() {
  return Column("branches", Type::Struct,
                {Column("path", Type::Text), Column("firstRow", Type::UInt32),
                 Column("rows", Type::UInt32), Column("last", Type::Boolean)});
}

void appendBranch(Column& branches, const std::string& path, uint32_t firstRow, uint32_t rows,
                  bool last) {
  branches.children[0].text(path);
  branches.children[1].number(firstRow);
  branches.children[2].number(rows);
  branches.children[3].boolean(last);
  branches.closeStruct();
}

FactsTable::FactsTable() {
  columns_.reserve(factsColumns().size());
  for (const Filled& filled : factsColumns())
    columns_.push_back(filled.column);
}

void FactsTable::append(const Facts& facts) {
  const std::vector<Filled>& columns = factsColumns();
  for (size_t index = 0; index < columns_.size(); ++index)
    columns[index].fill(columns_[index], facts);
  weight_ += facts.path.size();
  for (const std::string& needed : facts.needed)
    weight_ += needed.size();
  for (const std::string& version : facts.versionsDefined)
    weight_ += version.size();
  for (const NeededVersions& needed : facts.versionsNeeded) {
    weight_ += needed.library.size();
    for (const NeededVersion& version : needed.versions)
      weight_ += version.name.size();
  }
}

}  // namespace fixelf
