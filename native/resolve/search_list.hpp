// Lists of directories, as written in RPATH, RUNPATH and LD_LIBRARY_PATH.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resolve/files.hpp"
#include "resolve/tokens.hpp"

namespace fixelf {

// Each directory once, absolute, without a trailing slash.
using SearchList = std::vector<std::string>;

// glibc's rule, fillin_rpath in elf/dl-load.c: an empty element is the current directory, but an
// empty list has none; an element that contains a token without a value is left out.
SearchList splitGlibc(const Files& files, std::string_view list, std::string_view separators,
                      const TokenValues& values);

// musl's rule, path_open in ldso/dynlink.c: empty elements do not count. Nothing is expanded.
SearchList splitMusl(const Files& files, std::string_view list);

}  // namespace fixelf
