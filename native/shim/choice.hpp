// Which loader: the variable's; without one, the farm's, then nix-ld's.
#pragma once

#include "loader_file.hpp"
#include "program.hpp"
#include "variables.hpp"

namespace fixelf::shim {

struct Choice {
  const char* path = nullptr;
  // The variable that named it; empty if it is a default.
  Text variable;
  // No variable counts: the program runs with other rights than the user who starts it.
  bool secure = false;
};

// Opens the loader; a program for musl gets musl's from a default place that has one. `choice` is
// set even on failure.
Problem openLoader(const Variables& variables, const Program& program, LoaderFile& file,
                   Choice& choice);

}  // namespace fixelf::shim
