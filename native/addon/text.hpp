// Texts on their way to and from JavaScript; they cross here and nowhere else. On Linux a name is
// bytes, not necessarily UTF-8; a JavaScript string holds UTF-16 units. So a byte that is part of
// no valid UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF, from which the byte is recovered (PEP
// 383, "surrogateescape"); lib/base/bytes.ts has the same rule. Every text comes back as it was,
// and different texts are different strings.
#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <string_view>

namespace fixelf::addon {

// Not a Napi::String: object["name"] = … would make a std::string from it, and turn each escape
// into U+FFFD.
Napi::Value toText(Napi::Env env, std::string_view bytes);

// These throw a Napi::TypeError if the value is not a string.
std::string toBytes(const Napi::Value& text);
// What a system call takes: neither empty nor with a NUL.
std::string toPath(const Napi::Value& text);

// None if the value is not a string.
std::optional<std::string> toBytesIfText(const Napi::Value& value);

}  // namespace fixelf::addon
