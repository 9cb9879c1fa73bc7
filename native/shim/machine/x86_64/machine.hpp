// x86-64: the System V psABI, appendix A.2.1, for system calls.
#pragma once

#include <elf.h>

#include <cstdint>

namespace fixelf::shim {

constexpr std::uint16_t kMachine = EM_X86_64;
constexpr char kMachineName[] = "x86-64";
constexpr char kNixSystem[] = "x86_64_linux";

inline long systemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  long result = number;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  register long sixth asm("r9") = f;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
}

}  // namespace fixelf::shim
