// RISC-V, 64 bits.
#pragma once

#include <elf.h>

#include <cstdint>

namespace fixelf::shim {

constexpr std::uint16_t kMachine = EM_RISCV;
constexpr char kMachineName[] = "RISC-V";
constexpr char kNixSystem[] = "riscv64_linux";

inline long systemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  register long call asm("a7") = number;
  register long first asm("a0") = a;
  register long second asm("a1") = b;
  register long third asm("a2") = c;
  register long fourth asm("a3") = d;
  register long fifth asm("a4") = e;
  register long sixth asm("a5") = f;
  asm volatile("ecall"
               : "+r"(first)
               : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
               : "memory");
  return first;
}

}  // namespace fixelf::shim
