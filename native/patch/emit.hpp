// From a placed draft to bytes: which pointers follow what has moved, and what differs from the
// file.
#pragma once

#include "patch/place.hpp"

namespace fixelf {

Result<Layout> emit(Draft& draft, const Placed& placed);

}  // namespace fixelf
