// Text for people and for the programs they read it with; it contains untrusted names.
// lib/report/text.ts has the same rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fixelf {

// On one line: what would control a terminal, and what is not UTF-8, is spelled out.
std::string printable(std::string_view text);

// Control characters (C0, DEL and C1, which terminals take for commands), line and paragraph
// separators, and characters that change the direction of what follows (Unicode, UAX #9).
bool steers(char32_t point);

// Whether a text begins like an escaped byte, though it is not one.
bool looksSpelledOut(std::string_view text);

// In lower case, padded to that many digits with leading zeros.
void appendHexadecimal(std::string& text, uint64_t value, unsigned digits = 1);

}  // namespace fixelf
