// AArch64.
#pragma once

#include <elf.h>

#include <cstdint>

namespace fixelf::shim {

constexpr std::uint16_t kMachine = EM_AARCH64;
constexpr char kMachineName[] = "AArch64";
constexpr char kNixSystem[] = "aarch64_linux";

inline long systemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  register long call asm("x8") = number;
  register long first asm("x0") = a;
  register long second asm("x1") = b;
  register long third asm("x2") = c;
  register long fourth asm("x3") = d;
  register long fifth asm("x4") = e;
  register long sixth asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(first)
               : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
               : "cc", "memory");
  return first;
}

}  // namespace fixelf::shim
