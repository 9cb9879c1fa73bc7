// As in machine/x86_64/entry.S. Registers: System V psABI, Intel386, chapter 3, "Process
// Initialization".

.text

.globl _start
.hidden _start
.type _start, @function
_start:
  xorl %ebp, %ebp
  movl %esp, %eax
  subl $76, %esp // 64, and 12 for the alignment
  pushl %eax
  call fixelfStart
  ud2
.size _start, .-_start

// void fixelfEnterLoader(stack, entry)
.globl fixelfEnterLoader
.hidden fixelfEnterLoader
.type fixelfEnterLoader, @function
fixelfEnterLoader:
  movl 8(%esp), %eax
  movl 4(%esp), %esp
  pushl %eax
  xorl %eax, %eax
  xorl %ebx, %ebx
  xorl %ecx, %ecx
  xorl %edx, %edx
  xorl %esi, %esi
  xorl %edi, %edi
  xorl %ebp, %ebp
  ret
.size fixelfEnterLoader, .-fixelfEnterLoader

// %edx is the function that the program has to register with atexit.
.globl fixelfProgramEntry
.hidden fixelfProgramEntry
.type fixelfProgramEntry, @function
fixelfProgramEntry:
  endbr32
  pushl %edx
  subl $12, %esp
  call fixelfLeave
  addl $12, %esp
  popl %edx
  jmp *%eax
.size fixelfProgramEntry, .-fixelfProgramEntry

.section .note.GNU-stack, "", @progbits
