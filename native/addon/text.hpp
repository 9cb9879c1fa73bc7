// Texts at the door to JavaScript, and the only place where they pass it. On Linux a name is bytes,
// and nothing says that they are UTF-8; a string of JavaScript holds UTF-16 units. So a byte that
// is part of no valid UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF, from which the byte comes
// back (PEP 383, "surrogateescape"); lib/base/bytes.ts has the same rule. Every text comes back as
// it was, and two texts that differ are two strings.
#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <string_view>

namespace fixelf::addon {

// Not a Napi::String: object["name"] = … would make a std::string of that, and turn each escape
// into U+FFFD.
Napi::Value toText(Napi::Env env, std::string_view bytes);

// These throw a Napi::TypeError where the value is not a string.
std::string toBytes(const Napi::Value& text);
// What a system call takes: neither empty nor with a NUL.
std::string toPath(const Napi::Value& text);

// None where the value is not a string.
std::optional<std::string> toBytesIfText(const Napi::Value& value);

}  // namespace fixelf::addon
