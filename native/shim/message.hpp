// What the user is told when a program cannot be started: one sentence, with what is wrong and what
// to do about it.
#pragma once

#include "choice.hpp"
#include "loader_file.hpp"
#include "text.hpp"

namespace fixelf::shim {

// As a shell's when a program cannot be started, and as glibc's loader's.
inline constexpr int kNotStarted = 127;

[[noreturn]] void refuse(Text program, const Choice& choice, const Problem& problem);

// The kernel has not said something that it always says.
[[noreturn]] void refuseWithout(Text program, Text missing);

}  // namespace fixelf::shim
