// Any edits, from bytes.
#pragma once

#include "input.hpp"
#include "patch/edits.hpp"

namespace fuzz {

// Each byte chooses a kind of edit, and the following ones its values.
fixelf::Edits editsFrom(std::span<const uint8_t> bytes);

}  // namespace fuzz
