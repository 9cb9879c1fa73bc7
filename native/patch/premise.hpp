// What a plan was made from. A file is read once to decide what has to change, and again to lay the
// change out: if it was changed in between, the plan no longer fits it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// The facts of an ELF file that edits replace, and its size.
struct Premise {
  uint64_t size = 0;
  std::optional<std::string> interpreter;
  std::vector<std::string> needed;
  std::optional<std::string> rpath;
  std::optional<std::string> runpath;
  bool operator==(const Premise&) const = default;
};

// These fail with Changed if the file differs by now.
Status demandPremise(const Source& source, const Premise& premise);
// `line`: a script's first line, as far as the kernel reads it, without "#!" and line end.
Status demandFirstLine(const Source& source, const std::string& line);

}  // namespace fixelf
