// What patchelf prints about a file, as it is before anything is changed.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf::patchelf {

enum class Question : uint8_t { Interpreter, OsAbi, Soname, Rpath, ExecutableStack, Needed };

using Questions = std::bitset<6>;

// Adds the lines, in patchelf's order. It may fail after some of them, which are still to be
// printed.
Status answer(const Questions& questions, const Facts& facts, std::vector<std::string>& lines);

}  // namespace fixelf::patchelf
