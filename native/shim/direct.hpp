// `fixelf-ld PROGRAM ARGUMENT…`: started by itself, it does what a loader does then. It becomes the
// real loader, which learns the libraries' directories from an option, so that no variable changes.
#pragma once

#include "choice.hpp"
#include "stack.hpp"
#include "variables.hpp"

namespace fixelf::shim {

[[noreturn]] void runDirectly(const Stack& stack, const Variables& variables, const Choice& choice,
                              const Problem& problem);

}  // namespace fixelf::shim
