// What patchelf refuses in a file though no loader reads it: mostly section headers. It is reported
// in patchelf's words, which scripts and its own tests look for, and otherwise ignored.
#pragma once

#include <string>
#include <vector>

#include "patchelf/arguments.hpp"

namespace fixelf::patchelf {

// Empty if the file cannot be read at all: whatever reads it next reports why.
std::vector<std::string> damageOf(const Source& source, const Request& request);

}  // namespace fixelf::patchelf
