// As in machine/x86_64/entry.S. glibc's sysdeps/arm/start.S: r0 is the function that the program has
// to register with atexit. Programs and loaders may begin in Thumb, so they are entered with bx.

.syntax unified
.arm
.text

.globl _start
.hidden _start
.type _start, %function
_start:
  mov fp, #0
  mov lr, #0
  mov r0, sp
  sub sp, sp, #64
  bl fixelfStart
  udf #0
.size _start, .-_start

// void fixelfEnterLoader(stack, entry). glibc 2.36's loader loads from sl + r4 without having set r4
// (sysdeps/arm/dl-machine.h, RTLD_START), which works because the kernel zeroes it.
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, %function
fixelfEnterLoader:
  mov sp, r0
  mov ip, r1
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14
  mov r\number, #0
.endr
  bx ip
.size fixelfEnterLoader, .-fixelfEnterLoader

.globl fixelfProgramEntry
.hidden fixelfProgramEntry
.type fixelfProgramEntry, %function
fixelfProgramEntry:
  push {r0, lr}
  bl fixelfLeave
  mov ip, r0
  pop {r0, lr}
  bx ip
.size fixelfProgramEntry, .-fixelfProgramEntry

.section .note.GNU-stack, "", %progbits
