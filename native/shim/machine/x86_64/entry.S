// Where the kernel begins, how the real loader is entered, and where that one believes the program
// to begin. Registers at each of these: System V psABI, x86-64, section 3.4.1.

.text

// The kernel's stack pointer is the argument. Below it stays room into which the stack's head can
// move without meeting our own frames (handover.cpp).
.globl _start
.hidden _start
.type _start, @function
_start:
  xorl %ebp, %ebp
  movq %rsp, %rdi
  subq $64, %rsp
  call fixelfStart
  ud2
.size _start, .-_start

// void fixelfEnterLoader(stack, entry). All other registers are zero, as the kernel leaves them
// (ELF_PLAT_INIT in arch/x86/include/asm/elf.h; start_thread on other machines).
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, @function
fixelfEnterLoader:
  movq %rdi, %rsp
  pushq %rsi // for ret to take it, since no register may keep it
  xorl %eax, %eax
  xorl %ebx, %ebx
  xorl %ecx, %ecx
  xorl %edx, %edx
  xorl %esi, %esi
  xorl %edi, %edi
  xorl %ebp, %ebp
  xorl %r8d, %r8d
  xorl %r9d, %r9d
  xorl %r10d, %r10d
  xorl %r11d, %r11d
  xorl %r12d, %r12d
  xorl %r13d, %r13d
  xorl %r14d, %r14d
  xorl %r15d, %r15d
  ret
.size fixelfEnterLoader, .-fixelfEnterLoader

// %rdx is the function that the program has to register with atexit.
.globl fixelfProgramEntry
.hidden fixelfProgramEntry
.type fixelfProgramEntry, @function
fixelfProgramEntry:
  endbr64
  pushq %rdx
  pushq %rdx // twice, for the alignment
  call fixelfLeave
  popq %rdx
  popq %rdx
  jmp *%rax
.size fixelfProgramEntry, .-fixelfProgramEntry

.section .note.GNU-stack, "", @progbits
