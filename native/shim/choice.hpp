// Which loader: the variable's; without one, the farm's, then nix-ld's.
#pragma once

#include "loader_file.hpp"
#include "variables.hpp"

namespace fixelf::shim {

struct Choice {
  const char* path = nullptr;
  // Of the variable that named it; empty where it is a default.
  Text variable;
};

// Opens the loader; `choice` is set also where that fails.
Problem openLoader(const Variables& variables, LoaderFile& file, Choice& choice);

}  // namespace fixelf::shim
