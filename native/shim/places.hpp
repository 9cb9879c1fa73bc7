// Where the real loader and the libraries are looked for if no variable names them.
#pragma once

#include "text.hpp"

namespace fixelf::shim {

// A farm, as `fixelf env --farm` makes them: a link for each soname, and `ld.so`.
constexpr char kFarm[] = "/run/current-system/sw/share/fixelf/farm";
constexpr char kFarmLoader[] = "/run/current-system/sw/share/fixelf/farm/ld.so";

// nix-ld's own.
constexpr char kNixLd[] = "/run/current-system/sw/share/nix-ld/lib";
constexpr char kNixLdLoader[] = "/run/current-system/sw/share/nix-ld/lib/ld.so";

}  // namespace fixelf::shim
