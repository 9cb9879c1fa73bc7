// As in machine/x86_64/entry.S. glibc's sysdeps/aarch64/start.S: x0 is the function that the program
// has to register with atexit.

.text

.globl _start
.hidden _start
.type _start, %function
_start:
  mov x29, #0
  mov x30, #0
  mov x0, sp
  sub sp, sp, #64
  bl fixelfStart
  brk #0
.size _start, .-_start

// void fixelfEnterLoader(stack, entry)
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, %function
fixelfEnterLoader:
  mov sp, x0
  mov x16, x1
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  mov x\number, #0
.endr
.irp number, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  mov x\number, #0
.endr
  br x16
.size fixelfEnterLoader, .-fixelfEnterLoader

.globl fixelfProgramEntry
.hidden fixelfProgramEntry
.type fixelfProgramEntry, %function
fixelfProgramEntry:
  hint #38 // bti jc
  stp x0, x30, [sp, #-16]!
  bl fixelfLeave
  mov x16, x0
  ldp x0, x30, [sp], #16
  br x16
.size fixelfProgramEntry, .-fixelfProgramEntry

.section .note.GNU-stack, "", %progbits
