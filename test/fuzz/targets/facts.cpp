// Facts and columns: any bytes are answered, always alike, and what crosses into JavaScript follows
// Arrow's layout.
#include "elf/facts.hpp"

#include "elf/imports.hpp"
#include "input.hpp"
#include "scan/columns.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;

void check(const Column& column) {
  demand(column.validity.empty() || column.validity.size() >= (column.length + 7) / 8,
         "the validity of ", column.name);
  if (column.type == Column::Type::Text || column.type == Column::Type::List) {
    demand(column.offsets.size() == column.length + size_t{1}, "the offsets of ", column.name);
    const auto end = column.type == Column::Type::Text ? column.values.size()
                                                       : size_t{column.children.at(0).length};
    for (size_t row = 0; row < column.length; ++row) {
      const auto from = static_cast<size_t>(column.offsets[row]);
      const auto to = static_cast<size_t>(column.offsets[row + 1]);
      demand(from <= to && to <= end, "a row of ", column.name);
    }
  }
  if (column.type == Column::Type::Struct) {
    for (const Column& field : column.children)
      demand(field.length == column.length, "the length of ", field.name);
  }
  for (const Column& child : column.children)
    check(child);
}

}  // namespace

void run(std::span<const uint8_t> input) {
  static constexpr std::string_view kNames[] = {"dlopen", "dlmopen", "main"};
  std::optional<FactsTable> table;
  uint32_t rows = 0;
  for (const Part& part : partsOf(input)) {
    const MemorySource source(part.bytes);
    const auto facts = readFacts(source, "fuzzed");
    (void)importsAny(source, kNames);
    if (!facts) {
      demand(facts.error().path == "fuzzed" && !facts.error().message.empty(),
             "an error without its path or reason");
      continue;
    }
    demand(facts->size == part.bytes.size(), "the size");
    demand(facts->dependencyOrder.size() ==
               facts->needed.size() + facts->auxiliary.size() + facts->filter.size(),
           "the order of dependencies");
    if (facts->overlay)
      demand(facts->overlay->offset + facts->overlay->size == facts->size, "the overlay's end");
    if (!table) table.emplace();
    table->append(*facts);
    ++rows;
  }
  if (!table) return;
  demand(table->rows() == rows, "the number of rows");
  for (const Column& column : table->columns()) {
    demand(column.length == rows, "the length of ", column.name);
    check(column);
  }
}

}  // namespace fuzz
