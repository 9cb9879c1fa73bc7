// Gives a script another first line. Everything behind it moves, so the change is the whole file
// from where it begins to differ.
#pragma once

#include <string>

#include "patch/edits.hpp"

namespace fixelf {

// `line` excludes "#!" and the line end. What ends the line stays as it is. Fails with Unsupported
// for a script that holds a NUL byte, as it carries a payload and may look for it at a fixed
// offset; with LimitExceeded for one of more than 16 MiB, and for a line that Linux would not read
// whole.
Result<Layout> replaceFirstLine(const Source& source, const std::string& line);

}  // namespace fixelf
