// A library that the real loader is not going to find. The loader names it, but cannot know what
// helps, so that is printed beforehand.
#pragma once

#include "choice.hpp"
#include "program.hpp"
#include "stack.hpp"
#include "variables.hpp"

namespace fixelf::shim {

// Warns of the first library that the program itself needs (DT_NEEDED) and that is in no directory
// that the loader searches. In doubt it prints nothing: the loader decides, and is started in any
// case. `libraryPath` is what libraryPathEntry returned, or null. Not for secure mode, in which the
// loader searches elsewhere.
void tellOfMissingLibrary(const Stack& stack, const Program& program, const Choice& choice,
                          const Variables& variables, const char* libraryPath);

}  // namespace fixelf::shim
