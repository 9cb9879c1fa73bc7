#include "addon/text.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace fixelf::addon {

namespace {

constexpr char16_t kEscapedByte = 0xdc00;  // plus the byte, which is 0x80 or more

bool isAscii(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return static_cast<signed char>(byte) >= 0; });
}

bool isUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = sequenceLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void append(std::u16string& text, char32_t point) {
  if (point < 0x10000) {
    text += static_cast<char16_t>(point);
  } else {
    text += static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10));
    text += static_cast<char16_t>(0xdc00 + ((point - 0x10000) & 0x3ff));
  }
}

std::u16string escaped(std::string_view bytes) {
  std::u16string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = sequenceLength(bytes);
    if (length == 0) {
      text += static_cast<char16_t>(kEscapedByte + static_cast<unsigned char>(bytes.front()));
    } else {
      append(text, codePoint(bytes.substr(0, length)));
    }
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return text;
}

// What V8 gives for each lone surrogate: U+FFFD.
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void append(std::string& bytes, std::u16string_view pair) {
  const char32_t point =
      pair.size() == 1 ? pair[0] : 0x10000 + ((pair[0] - 0xd800U) << 10) + (pair[1] - 0xdc00U);
  const auto put = [&](char32_t byte) { bytes += static_cast<char>(byte); };
  const auto putLast = [&](int shift) { put(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    putLast(0);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    putLast(6);
    putLast(0);
  } else {
    put(0xf0 | point >> 18);
    putLast(12);
    putLast(6);
    putLast(0);
  }
}

std::string unescaped(std::u16string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  while (!text.empty()) {
    const char16_t first = text[0];
    const bool isHigh = first >= 0xd800 && first < 0xdc00;
    const bool isLow = first >= 0xdc00 && first < 0xe000;
    const bool isPair = isHigh && text.size() > 1 && text[1] >= 0xdc00 && text[1] < 0xe000;
    if (first >= kEscapedByte + 0x80 && first <= kEscapedByte + 0xff) {
      bytes += static_cast<char>(first - kEscapedByte);
    } else if (isLow || (isHigh && !isPair)) {
      bytes += kReplacement;
    } else {
      append(bytes, text.substr(0, isPair ? 2 : 1));
    }
    text.remove_prefix(isPair ? 2 : 1);
  }
  return bytes;
}

}  // namespace

Napi::Value toText(Napi::Env env, std::string_view bytes) {
  napi_value value = nullptr;
  napi_status status = napi_ok;
  if (isAscii(bytes)) {
    status = napi_create_string_latin1(env, bytes.data(), bytes.size(), &value);
  } else if (isUtf8(bytes)) {
    status = napi_create_string_utf8(env, bytes.data(), bytes.size(), &value);
  } else {
    const std::u16string text = escaped(bytes);
    status = napi_create_string_utf16(env, text.data(), text.size(), &value);
  }
  if (status != napi_ok) throw Napi::Error::New(env);
  return {env, value};
}

std::string toBytes(const Napi::Value& text) {
  if (!text.IsString()) throw Napi::TypeError::New(text.Env(), "a text must be a string");
  const auto string = text.As<Napi::String>();
  std::string bytes = string.Utf8Value();
  if (bytes.find(kReplacement) == std::string::npos) return bytes;
  return unescaped(string.Utf16Value());
}

std::string toPath(const Napi::Value& text) {
  std::string path = toBytes(text);
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw Napi::TypeError::New(text.Env(), "a path must not be empty nor hold a NUL character");
  }
  return path;
}

std::optional<std::string> toBytesIfText(const Napi::Value& value) {
  return value.IsString() ? std::optional(toBytes(value)) : std::nullopt;
}

}  // namespace fixelf::addon
