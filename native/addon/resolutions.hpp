// Many resolutions on their way to JavaScript, which lib/addon/resolutions.ts reads there.
//
// They are a tape of numbers, most of which are places in a list of texts. A text is translated
// once, however often it occurs, and JavaScript itself makes the objects, several times as fast as
// calls of Node-API could.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "resolve/resolution.hpp"

namespace fixelf::addon {

// Made off the JavaScript thread; its texts are valid as long as `files`.
class Transcript {
 public:
  Transcript(Files& files, std::span<const Result<Resolution>> answers);

  // { texts: (string | null)[], numbers: Uint32Array }; the first text is null.
  [[nodiscard]] Napi::Value toValue(Napi::Env env) const;

 private:
  void write(const Resolution& resolution);
  void write(const Library& library);
  void write(const Error& error);
  void number(size_t value) { numbers_.push_back(static_cast<uint32_t>(value)); }
  void text(Interned text);
  void text(std::string_view text) { this->text(files_.interned(text)); }

  Files& files_;
  std::vector<uint32_t> numbers_;
  std::vector<Interned> texts_;
  std::unordered_map<Interned, uint32_t> places_;
};

}  // namespace fixelf::addon
