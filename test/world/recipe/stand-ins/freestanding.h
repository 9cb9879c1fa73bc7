// Linux's system calls, and a start, without a C library: what is in a loader's place is started where there is none.
// x86-64 only, like all of the test world.
#include <asm/unistd.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

typedef unsigned long word;

static inline long call(long number, word a, word b, word c, word d, word e, word f) {
  long result;
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  register word r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline word length(const char *text) {
  word count = 0;
  while (text[count]) ++count;
  return count;
}

static inline void say(const char *text) { call(__NR_write, 2, (word)text, length(text), 0, 0, 0); }

/** Where to go on, and with which stack. In the two registers in which a function returns. */
struct start {
  word *stack;
  word entry;
};

/** What the kernel's stack leads to: the count of arguments, arguments, variables, auxiliary vector. */
struct start begin(word *stack);

// `begin` may lengthen what is on the stack by up to a page.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  sub $4096, %rsp\n"
    "  and $-16, %rsp\n"
    "  call begin\n"
    "  mov %rax, %rsp\n"
    "  jmp *%rdx\n");
