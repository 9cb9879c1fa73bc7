// Handing the process over to the real loader, and taking back, once that is done, what only it was
// meant to see.
//
// The loader is told the libraries' directories by LD_LIBRARY_PATH. Programs that this one starts
// must not inherit it: they may be Nix's own, with other versions of the same libraries. So the
// loader also gets another entry point of the program (AT_ENTRY): ours, which puts the environment
// and AT_ENTRY back as they were and goes on to the program's.
#pragma once

#include "loader_file.hpp"
#include "stack.hpp"
#include "variables.hpp"

namespace fixelf::shim {

// `libraryPath` is what libraryPathEntry gave, or null. The stack must have AT_BASE.
[[noreturn]] void handOver(const Stack& stack, const Variables& variables, char* libraryPath,
                           const Mapping& loader);

}  // namespace fixelf::shim
