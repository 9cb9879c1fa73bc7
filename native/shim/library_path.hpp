// The directories that the real loader is told to search for libraries: LD_LIBRARY_PATH.
#pragma once

#include "variables.hpp"

namespace fixelf::shim {

// An entry of the environment, `LD_LIBRARY_PATH=` and its value: what is already set, then the
// directories of NIX_LD_LIBRARY_PATH or, if that is not set, the default ones that exist. Null if
// nothing has to be added. The memory is never freed: musl's loader reads it as long as the program
// runs (env_path in ldso/dynlink.c).
char* libraryPathEntry(const Variables& variables);

constexpr char kLibraryPathPrefix[] = "LD_LIBRARY_PATH=";

}  // namespace fixelf::shim
