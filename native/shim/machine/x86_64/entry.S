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

// void fixelfEnterLoader(stack, entry)
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, @function
fixelfEnterLoader:
  movq %rdi, %rsp
  xorl %ebp, %ebp
  xorl %edx, %edx
  jmp *%rsi
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
