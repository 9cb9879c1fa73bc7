// What patchelf refuses about a file though no loader reads it: section headers, for the most part.
// It is said in patchelf's words, which scripts and its own tests look for, and passed over.
#pragma once

#include <string>
#include <vector>

#include "patchelf/arguments.hpp"

namespace fixelf::patchelf {

// Empty where the file cannot be read at all: whatever reads it next says why.
std::vector<std::string> damageOf(const Source& source, const Request& request);

}  // namespace fixelf::patchelf
