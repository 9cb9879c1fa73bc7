// Making a function that does nothing but return go on elsewhere.
#pragma once

#include "stack.hpp"

namespace fixelf::shim {

// How many bytes the change takes; 0 on machines where functions that only return have no room for
// it: they are two bytes long on RISC-V and in Thumb, and others follow at once.
#if defined(__x86_64__) || defined(__i386__)
constexpr std::size_t kJumpSize = 5;
#elif defined(__aarch64__)
constexpr std::size_t kJumpSize = 4;
#else
constexpr std::size_t kJumpSize = 0;
#endif

// Puts the instruction into `jump` that leads from `place` to `target`. False, with nothing done,
// where what is at `place` is more than a function that only returns, or where `target` is too far
// away.
bool encodeJump(Word place, Word target, unsigned char* jump);
// Has the processor see the instruction that was written to `place`.
void refreshCode(Word place);

}  // namespace fixelf::shim
