// What the kernel and the loader refuse of files that are found: segments that cannot be mapped.
#pragma once

#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// Fills in `resolution`'s load problems. The first object is the program, which the kernel maps
// where it names an interpreter; the loader maps all others.
void checkGeometry(Files& files, const std::vector<Object>& objects, Resolution& resolution);

}  // namespace fixelf
