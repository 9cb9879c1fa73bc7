// Making a function that only returns continue elsewhere: by a jump in its place, or by redirecting
// calls to it.
#pragma once

#include "stack.hpp"

namespace fixelf::shim {

// How many bytes the jump takes; 0 if functions that only return have no room for it: on RISC-V
// they are two bytes long, with the next one right behind.
#if defined(__x86_64__) || defined(__i386__)
constexpr std::size_t kJumpSize = 5;
#elif defined(__aarch64__) || defined(__arm__)
constexpr std::size_t kJumpSize = 4;
#else
constexpr std::size_t kJumpSize = 0;
#endif

// How many bytes a call takes, and what its address is a multiple of; 0 if a jump always works.
#if defined(__riscv) || defined(__arm__)
constexpr std::size_t kCallSize = 4;
constexpr std::size_t kCallAlignment = 2;
#else
constexpr std::size_t kCallSize = 0;
constexpr std::size_t kCallAlignment = 1;
#endif

// Puts the instruction that leads from `place` to `target` into `jump`. False, with nothing done,
// if there is more at `place` than a function that only returns, or if `target` is too far away.
bool encodeJump(Word place, Word target, unsigned char* jump);
// Puts the instruction that calls `target` from `place` into `call`. False, with nothing done, if
// what is at `place` is not a call of `function`, or if `target` is too far away.
bool encodeCall(Word place, Word function, Word target, unsigned char* call);
// Makes the processor see the instruction that was written to `place`.
void refreshCode(Word place);

}  // namespace fixelf::shim
