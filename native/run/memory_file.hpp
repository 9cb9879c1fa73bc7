// A file in memory, which has no name: for what is to be started or handed on and is not on any
// disk.
#pragma once

#include <span>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace fixelf {

// Closed on exec. `name` only shows in /proc.
Result<Descriptor> makeMemoryFile(const char* name, std::span<const char> content);

}  // namespace fixelf
