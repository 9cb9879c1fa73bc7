// Symbols that a file expects other files to define.
#pragma once

#include <span>
#include <string_view>

#include "elf/image.hpp"

namespace fixelf {

// Whether the dynamic symbol table of a file has an undefined symbol with one of these names, in
// any version. False if the table's length is unknown (no hash table and no section headers).
Result<bool> importsAny(const Source& source, std::span<const std::string_view> names);

}  // namespace fixelf
