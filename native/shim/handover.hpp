// Handing the process over to the real loader, and afterwards removing what only the loader was
// meant to see.
//
// The loader learns the libraries' directories from LD_LIBRARY_PATH. Programs started by this one
// must not inherit it: they may be Nix's own, with other versions of the same libraries. So the
// loader also gets another entry point of the program (AT_ENTRY): ours, which restores the
// environment and AT_ENTRY and continues at the program's.
#pragma once

#include "loader_file.hpp"
#include "stack.hpp"
#include "variables.hpp"

namespace fixelf::shim {

// `libraryPath`: what libraryPathEntry returned, or null. The stack must have AT_BASE.
[[noreturn]] void handOver(const Stack& stack, const Variables& variables, char* libraryPath,
                           const Mapping& loader);

}  // namespace fixelf::shim
