// Symbols that a file expects others to define.
#pragma once

#include <span>
#include <string_view>

#include "elf/image.hpp"

namespace fixelf {

// Whether the dynamic symbol table of a file has an undefined symbol of one of these names, in
// whatever version. False where nothing says how long the table is (no hash table and no section
// headers).
Result<bool> importsAny(const Source& source, std::span<const std::string_view> names);

}  // namespace fixelf
