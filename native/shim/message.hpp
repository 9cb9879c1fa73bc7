// What the user is told if a program cannot be started: one sentence, with what is wrong and what
// to do about it.
#pragma once

#include "choice.hpp"
#include "loader_file.hpp"
#include "text.hpp"

namespace fixelf::shim {

// The same as a shell's if a program cannot be started, and as glibc's loader's.
inline constexpr int kNotStarted = 127;

[[noreturn]] void refuse(Text program, const Choice& choice, const Problem& problem);

// The kernel has not passed something that it always passes.
[[noreturn]] void refuseWithout(Text program, Text missing);

}  // namespace fixelf::shim
