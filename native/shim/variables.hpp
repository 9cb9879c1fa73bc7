// The variables that are honoured. They are nix-ld's, so that its users need change nothing: the
// one for a single Nix system, such as NIX_LD_x86_64_linux, hides the general one even if it is
// empty.
#pragma once

#include "log.hpp"
#include "text.hpp"

namespace fixelf::shim {

struct Variable {
  // As it was found, with its `=` and value and a terminating zero; null if it is not set.
  char** entry = nullptr;
  Text name;
  Text value;

  [[nodiscard]] bool isSet() const { return entry != nullptr; }
};

struct Variables {
  Variable loader;       // NIX_LD
  Variable libraryPath;  // NIX_LD_LIBRARY_PATH
  Variable log;          // NIX_LD_LOG
  Variable ofTheLoader;  // LD_LIBRARY_PATH, which the real loader reads
  Variable preload;      // LD_PRELOAD, likewise
};

Variables readVariables(char** environment);

// From NIX_LD_LOG; an unknown level causes a warning.
void setLevel(const Variable& log);

}  // namespace fixelf::shim
