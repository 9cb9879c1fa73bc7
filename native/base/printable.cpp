#include "base/printable.hpp"

#include "base/utf8.hpp"

namespace fixelf {

namespace {

bool isHexadecimal(char digit) {
  return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
}

}  // namespace

bool steers(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c || point == 0x200e ||
         point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

bool looksSpelledOut(std::string_view text) {
  if (text.size() < 4 || !text.starts_with("\\x")) return false;
  const char high = text[2];
  const bool isHigh = high == '8' || high == '9' || (high >= 'a' && high <= 'f');
  return text.substr(2, 2) == "5c" || (isHigh && isHexadecimal(text[3]));
}

void appendHexadecimal(std::string& text, uint64_t value, unsigned digits) {
  while (digits < 16 && value >> (4 * digits) != 0)
    ++digits;
  while (digits-- > 0)
    text += "0123456789abcdef"[value >> (4 * digits) & 0xfU];
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const size_t length = sequenceLength(text);
    if (length == 0 || looksSpelledOut(text)) {
      shown += "\\x";
      appendHexadecimal(shown, static_cast<unsigned char>(text.front()), 2);
    } else if (const char32_t point = codePoint(text.substr(0, length)); steers(point)) {
      shown += "\\u";
      appendHexadecimal(shown, point, 4);
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

}  // namespace fixelf
