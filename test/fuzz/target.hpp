// What each target defines, and what it says when something is not as it has to be.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace fuzz {

// One execution. Takes any bytes.
void run(std::span<const uint8_t> input);

// Ends the process, as a crash does, unless `holds`.
void demand(bool holds, const std::string& what);

}  // namespace fuzz
