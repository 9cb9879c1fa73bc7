// What each target defines, and what it says when something is not as it has to be.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

// One execution. Takes any bytes.
void run(std::span<const uint8_t> input);

// Ends the process, as a crash does.
[[noreturn]] void fail(std::string_view what, std::string_view which);

// Does so unless `holds`. Words are put together only then: there are hundreds of these in an
// execution.
inline void demand(bool holds, std::string_view what, std::string_view which = {}) {
  if (!holds) fail(what, which);
}

}  // namespace fuzz
