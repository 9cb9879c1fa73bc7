// What is under a name right now, and whether it is still being written.
#pragma once

#include <string>

namespace fixelf {

enum class Peek {
  Gone,     // nothing, or nothing that can be opened
  Writing,  // a file that a process has open for writing
  Elf,      // a file that begins like an ELF file
  Script,   // an executable file that begins with "#!"
  Link,     // a symbolic link, which may be a library's other name
  Other,
};

// Opens the file and reads four bytes; follows no link, and waits for nothing.
Peek peek(const std::string& path);

}  // namespace fixelf
