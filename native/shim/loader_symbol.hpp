// A function that the real loader exports, by name: in the dynamic symbol table of the file as
// mapped, before the loader has relocated anything (gABI chapter 5, "Symbol Table").
#pragma once

#include "loader_file.hpp"
#include "text.hpp"

namespace fixelf::shim {

// The loader must have been mapped. The address is the file's own, not the process's; 0 if there is
// no such function.
Word functionOf(const LoaderFile& loader, Text name);

}  // namespace fixelf::shim
