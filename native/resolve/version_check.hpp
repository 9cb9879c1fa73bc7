// Whether each library defines the symbol versions that are needed from it: _dl_check_map_versions
// in glibc's elf/dl-version.c. musl knows no versions.
#pragma once

#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// Fills in `resolution`'s problems.
void checkVersions(Files& files, const std::vector<Object>& objects,
                   const std::vector<size_t>& order, const LoadedObjects& byName,
                   Resolution& resolution);

}  // namespace fixelf
