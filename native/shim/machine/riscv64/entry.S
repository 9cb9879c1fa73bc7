// As in machine/x86_64/entry.S. glibc's sysdeps/riscv/start.S: a0 is the function that the program
// has to register with atexit.

// Relaxation would use gp, which belongs to the program.
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
.irp register, ra, gp, tp, t0, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7
  li \register, 0
.endr
.irp register, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6
  li \register, 0
.endr
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
