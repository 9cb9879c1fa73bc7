// What DT_RUNPATH or DT_RPATH becomes when it is set, added to, shrunk or removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/facts.hpp"
#include "patch/edits.hpp"

namespace fixelf {

struct SearchPathChange {
  enum class Kind { Set, Add, Remove, Shrink };
  Kind kind = Kind::Set;
  std::string value;  // colon-separated, for Set and Add; Add appends it to what is there
  // For Shrink, which keeps the directories that hold a needed library which no earlier one holds:
  // absolute ones that start with none of these are removed in any case. If empty, all may stay.
  std::vector<std::string> allowedPrefixes;
  // The dynamic entry that holds it from then on.
  SearchPathTag tag = SearchPathTag::Runpath;
};

// The new search path, or none if there is nothing to remove or shrink. `reasons` gets a sentence
// for each directory that shrinking removes.
std::optional<Edits::SearchPath> changedSearchPath(const SearchPathChange& change,
                                                   const Facts& facts,
                                                   std::vector<std::string>& reasons);

// The one that the loader uses: DT_RPATH counts only if there is no DT_RUNPATH.
const std::optional<std::string>& presentSearchPath(const Facts& facts);

// The elements of a colon-separated list; a trailing colon adds no empty one.
std::vector<std::string> searchPathElements(const std::string& list);

}  // namespace fixelf
