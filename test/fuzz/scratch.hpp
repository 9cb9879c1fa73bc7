// A directory for the files of one execution, in memory (/dev/shm), removed at the end of the
// process.
#pragma once

#include <span>
#include <string>

#include "input.hpp"

namespace fuzz {

// The directory of this process; made by the first call.
const std::string& scratch();

// Makes the file hold these bytes. `path` is absolute.
void writeFile(const std::string& path, std::span<const uint8_t> bytes);
Bytes readFile(const std::string& path);

}  // namespace fuzz
