// Facts of many files as columns in Arrow's memory layout: validity bitmaps, 32-bit offsets, values
// (Arrow, "Columnar Format", version 1.0).
//
// Turning a row into an object costs more than reading the file that it describes. Columns cross
// into JavaScript as they are; a caller that wants a row makes it there, and one that writes Arrow
// or Parquet never does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf {

struct Column {
  // In Arrow's layout: Utf8 (but see text()), Bool, UInt8, UInt32, UInt64, List and Struct.
  enum class Type { Text, Boolean, UInt8, UInt32, UInt64, List, Struct };

  explicit Column(std::string columnName, Type columnType, std::vector<Column> columnChildren = {});

  std::string name;
  Type type;
  uint32_t length = 0;
  uint32_t nulls = 0;
  std::vector<uint8_t> validity;  // one bit for each row, the lowest first; empty without nulls
  std::vector<int32_t> offsets;   // Text and List: one more than rows
  std::vector<uint8_t> values;    // Text: bytes; Boolean: bits; numbers: host byte order
  std::vector<Column> children;   // List: one; Struct: one for each field

  void null();
  // As it is: names need not be UTF-8. lib/report/scan decides what readers of Arrow and Parquet
  // get.
  void text(std::string_view value);
  void boolean(bool value);
  void number(uint64_t value);
  // Ends a row whose elements have been appended to the children.
  void closeList();
  void closeStruct();

 private:
  void valid();
};

const char* columnTypeName(Column::Type type);

// Where the rows of branches are in a batch: structs of `path`, `firstRow`, `rows` and `last`,
// which is false if more of the branch follows in the next batch.
Column branchColumn();
void appendBranch(Column& branches, const std::string& path, uint32_t firstRow, uint32_t rows,
                  bool last);

// The rows of one batch.
class FactsTable {
 public:
  FactsTable();

  void append(const Facts& facts);

  [[nodiscard]] uint32_t rows() const { return columns_.front().length; }
  // Bytes of names, which are most of what it holds.
  [[nodiscard]] size_t weight() const { return weight_; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }

 private:
  std::vector<Column> columns_;
  size_t weight_ = 0;
};

}  // namespace fixelf
