// Values that are read from files.
#pragma once

#include <string>

#include "base/error.hpp"

namespace fixelf::patchelf {

// A whole file, or a pipe to its end, of at most 16 MiB. Sets errno on failure: to EFBIG if it is
// longer.
bool readWhole(const std::string& file, std::string& content);

// The content of FILE in @FILE. Fails in patchelf's words.
Result<std::string> readValue(const std::string& file);

}  // namespace fixelf::patchelf
