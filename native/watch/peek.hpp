// What is under a name right now, and whether anybody is still writing it.
#pragma once

#include <string>

namespace fixelf {

enum class Peek {
  Gone,     // nothing, or nothing that can be opened
  Writing,  // a file that a process has open for writing
  Elf,      // a file that begins as ELF files do
  Script,   // a file that may be executed and begins with "#!"
  Link,     // a symbolic link, which may be a library's other name
  Other,
};

// Opens the file and reads four bytes; follows no link, and waits for nothing.
Peek peek(const std::string& path);

}  // namespace fixelf
