// UTF-8 in bytes that may not be UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace fixelf {

// The length of the well-formed sequence at the beginning of the bytes (Unicode, table 3-7); 0 if
// there is none. There is at least one byte.
size_t sequenceLength(std::string_view bytes);

// For a complete, well-formed sequence.
char32_t codePoint(std::string_view sequence);

}  // namespace fixelf
