// The file of --rename-dynamic-symbols: an old and a new name on each line.
#pragma once

#include <string>
#include <vector>

#include "patch/edits.hpp"

namespace fixelf::patchelf {

// Adds its pairs up to the first empty line. Fails with Usage if it names a symbol twice, or one
// that is already there.
Status readNameMap(const std::string& file, std::vector<Renaming>& renamings);

}  // namespace fixelf::patchelf
