// What a program that opens a module (dlopen) has loaded by then.
#pragma once

#include <unordered_map>

#include "resolve/interned.hpp"
#include "resolve/search_list.hpp"

namespace fixelf {

struct OpeningProgram {
  Interned path;
  // From the names under which its libraries are known to their paths.
  std::unordered_map<Interned, Interned> loaded;
  // Its search path, if that counts for whatever is loaded into it: glibc's DT_RPATH, musl's
  // either.
  SearchList rpath;
};

}  // namespace fixelf
