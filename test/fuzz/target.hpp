// What each target defines, and how it reports that something is wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

// One execution. Takes any bytes.
void run(std::span<const uint8_t> input);

// Ends the process like a crash.
[[noreturn]] void fail(std::string_view what, std::string_view which);

// Does so unless `holds`. Only then are the words put together: an execution has hundreds of these.
inline void demand(bool holds, std::string_view what, std::string_view which = {}) {
  if (!holds) fail(what, which);
}

}  // namespace fuzz
