// Text for a terminal, of which names are a part that nobody vouches for.
#pragma once

#include <string>
#include <string_view>

namespace fixelf::patchelf {

// On one line: what would steer a terminal, and what is no UTF-8, is spelled out, as `printable` of
// lib/report/text.ts does.
std::string printable(std::string_view text);

}  // namespace fixelf::patchelf
