// The machine that this is built for. Each has two files: machine.hpp has its ELF machine, its name
// in Nix, and how a system call is made; entry.S has what cannot be expressed in C++. (Texts in
// headers here are not inline: for what the linker may merge, GCC for ARM would use a table, which
// has to be relocated.)
#pragma once

#if defined(__x86_64__) && defined(__LP64__)
#include "machine/x86_64/machine.hpp"
#elif defined(__i386__)
#include "machine/i686/machine.hpp"
#elif defined(__aarch64__) && defined(__LP64__) && defined(__AARCH64EL__)
#include "machine/aarch64/machine.hpp"
#elif defined(__riscv) && __riscv_xlen == 64
#include "machine/riscv64/machine.hpp"
#elif defined(__arm__) && defined(__ARMEL__)
#include "machine/armv7l/machine.hpp"
#else
#error "the stand-in loader does not know this machine"
#endif
