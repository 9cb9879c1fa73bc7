// As in machine/x86_64/entry.S. glibc's sysdeps/riscv/start.S: a0 is the function that the program
// has to register with atexit.

// Relaxation would go by gp, which belongs to the program.
.option norelax
.text

.globl _start
.hidden _start
.type _start, @function
_start:
  li ra, 0
  li s0, 0
  mv a0, sp
  addi sp, sp, -64
  call fixelfStart
  ebreak
.size _start, .-_start

// void fixelfEnterLoader(stack, entry)
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, @function
fixelfEnterLoader:
  mv sp, a0
  mv t1, a1
  li a0, 0
  li ra, 0
  li s0, 0
  jr t1
.size fixelfEnterLoader, .-fixelfEnterLoader

.globl fixelfProgramEntry
.hidden fixelfProgramEntry
.type fixelfProgramEntry, @function
fixelfProgramEntry:
  addi sp, sp, -16
  sd a0, 0(sp)
  sd ra, 8(sp)
  call fixelfLeave
  mv t1, a0
  ld a0, 0(sp)
  ld ra, 8(sp)
  addi sp, sp, 16
  jr t1
.size fixelfProgramEntry, .-fixelfProgramEntry

.section .note.GNU-stack, "", @progbits
