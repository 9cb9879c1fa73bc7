// Which entries of the dynamic table hold addresses: they follow what they point at.
#pragma once

#include <cstdint>

namespace fixelf {

// Whether d_un is d_ptr and not d_val: gABI chapter 5, "Dynamic Section", <elf.h>, and the
// processor supplements.
bool isAddressTag(int64_t tag, uint16_t machine);

}  // namespace fixelf
