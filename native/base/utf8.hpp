// UTF-8 in bytes of which nobody says that they are.
#pragma once

#include <cstddef>
#include <string_view>

namespace fixelf {

// Bytes of the well-formed sequence that these begin with (Unicode, table 3-7); 0 where there is
// none. There is at least one byte.
size_t sequenceLength(std::string_view bytes);

// Of a whole, well-formed sequence.
char32_t codePoint(std::string_view sequence);

}  // namespace fixelf
