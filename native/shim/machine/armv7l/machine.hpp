// 32-bit ARM, EABI. Built as ARM code, not as Thumb, in which r7 may be the frame pointer.
#pragma once

#include <elf.h>

#include <cstdint>

namespace fixelf::shim {

constexpr std::uint16_t kMachine = EM_ARM;
constexpr char kMachineName[] = "ARM";
constexpr char kNixSystem[] = "armv7l_linux";

inline long systemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  register long call asm("r7") = number;
  register long first asm("r0") = a;
  register long second asm("r1") = b;
  register long third asm("r2") = c;
  register long fourth asm("r3") = d;
  register long fifth asm("r4") = e;
  register long sixth asm("r5") = f;
  asm volatile("svc 0"
               : "+r"(first)
               : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
               : "cc", "memory");
  return first;
}

}  // namespace fixelf::shim
