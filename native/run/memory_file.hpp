// A file in memory, without a name: for something that is to be started or passed on and is not on
// any disk.
#pragma once

#include <span>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace fixelf {

// Closed on exec. `name` is only shown in /proc.
Result<Descriptor> makeMemoryFile(const char* name, std::span<const char> content);

}  // namespace fixelf
