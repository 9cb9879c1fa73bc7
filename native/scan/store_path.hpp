// What a store path looks like.
#pragma once

#include <string_view>

namespace fixelf {

// Whether a name is a store path's: 32 letters or digits, a hyphen, more. Nix's base 32 lacks four
// letters (e, o, t, u; libutil/hash.cc); accepting them too costs nothing, and what other tools lay
// out like a store counts as one. Nix allows neither tabs nor line ends (libstore/path.cc).
bool isStorePathName(std::string_view name);

// The part of a path up to and including the first component that has a store path's name; empty if
// there is none.
std::string_view storePathOf(std::string_view path);

}  // namespace fixelf
