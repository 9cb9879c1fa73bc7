// One file's facts as a line of newline-delimited JSON.
//
// Made here, on the walk's thread: in JavaScript, an object for each row and its text would take as
// long as the whole scan. share/schemas/scan.json describes it; lib/report/text.ts has the same
// rules for other documents.
#pragma once

#include <string>

#include "elf/facts.hpp"

namespace fixelf {

// Including the line end.
std::string jsonLine(const Facts& facts);

}  // namespace fixelf
