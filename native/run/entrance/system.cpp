#include "system.hpp"

// The first instructions pass on the stack pointer: there the kernel has laid out the number of
// arguments, the arguments, and the environment (the processor supplements of the System V ABI).
#if defined(__x86_64__)
asm(R"(
  .globl _start
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call fixelfEnter
)");
#elif defined(__aarch64__)
asm(R"(
  .globl _start
_start:
  mov x29, #0
  mov x0, sp
  bl fixelfEnter
)");
#elif defined(__riscv) && __riscv_xlen == 64
asm(R"(
  .globl _start
_start:
  mv a0, sp
  call fixelfEnter
)");
#else
#error "CMakeLists.txt builds this for the machines above only"
#endif

namespace fixelf::entrance {

long systemCall(long number, long first, long second, long third, long fourth, long fifth) {
#if defined(__x86_64__)
  long result = number;
  register long r10 asm("r10") = fourth;
  register long r8 asm("r8") = fifth;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = first;
  register long x1 asm("x1") = second;
  register long x2 asm("x2") = third;
  register long x3 asm("x3") = fourth;
  register long x4 asm("x4") = fifth;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#else
  register long a7 asm("a7") = number;
  register long a0 asm("a0") = first;
  register long a1 asm("a1") = second;
  register long a2 asm("a2") = third;
  register long a3 asm("a3") = fourth;
  register long a4 asm("a4") = fifth;
  asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
  return a0;
#endif
}

}  // namespace fixelf::entrance
