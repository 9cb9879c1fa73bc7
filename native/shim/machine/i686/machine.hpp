// i386: system calls through the interrupt 0x80, which every kernel and every qemu has.
#pragma once

#include <elf.h>

#include <cstdint>

namespace fixelf::shim {

constexpr std::uint16_t kMachine = EM_386;
constexpr char kMachineName[] = "i386";
constexpr char kNixSystem[] = "i686_linux";

inline long systemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  long result = number;
  // The sixth argument goes into the frame pointer, which the compiler does not release.
  asm volatile(
      "pushl %[sixth]\n\t"
      "pushl %%ebp\n\t"
      "movl 4(%%esp), %%ebp\n\t"
      "int $0x80\n\t"
      "popl %%ebp\n\t"
      "addl $4, %%esp"
      : "+a"(result)
      : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [sixth] "m"(f)
      : "cc", "memory");
  return result;
}

}  // namespace fixelf::shim
