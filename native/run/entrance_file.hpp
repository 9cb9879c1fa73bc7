// native/run/entrance, as a file that can be started.
#pragma once

#include "base/error.hpp"

namespace fixelf {

// A descriptor, closed on exec, of a file in memory: the program travels inside the addon, so no
// file of its own has to be shipped, found and trusted. `unsupported` on a machine that there is
// none for.
Result<int> openEntrance();

}  // namespace fixelf
