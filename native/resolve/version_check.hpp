// Whether each library defines the symbol versions that are needed of it: _dl_check_map_versions in
// glibc's elf/dl-version.c. musl knows no versions.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// Fills in `resolution`'s problems. `byName` leads from the names that the loader knows to objects.
void checkVersions(const std::vector<Object>& objects, const std::vector<size_t>& order,
                   const std::unordered_map<std::string, size_t>& byName, Resolution& resolution);

}  // namespace fixelf
