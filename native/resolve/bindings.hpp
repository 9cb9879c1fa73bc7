// What the symbols of one object are bound to at startup.
#pragma once

#include <vector>

#include "resolve/resolution.hpp"

namespace fixelf {

struct Bindings {
  std::vector<Interned> providers;  // the objects that define what it refers to, each once
  std::vector<MissingSymbol> missing;
  std::vector<LoadProblem> problems;

  [[nodiscard]] bool complete() const { return missing.empty() && problems.empty(); }
};

}  // namespace fixelf
