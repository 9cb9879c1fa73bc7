// native/run/entrance, as a file that can be started.
#pragma once

#include "base/error.hpp"

namespace fixelf {

// A descriptor, closed on exec, of a file in memory: the program travels inside the addon, so there
// is no file of its own to be shipped, found and trusted. `unsupported` on a machine for which
// there is none.
Result<int> openEntrance();

}  // namespace fixelf
