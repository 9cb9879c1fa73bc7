// What is said on standard error: sentences about what failed, and as much of the rest as
// NIX_LD_LOG asks for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text.hpp"

namespace fixelf::shim {

// nix-ld's names. The default one is zero, so that nothing has to be written at first.
enum class Level : std::int8_t { Off = -2, Error, Warn, Info, Debug, Trace };

// Warnings, unless set otherwise.
void setLevel(Level level);
bool isLogged(Level level);
// From a word, in any case; false where there is no such level.
bool parseLevel(Text word, Level& level);

// A number to be written in hexadecimal.
struct Address {
  std::uintptr_t value;
};

// A path to be written as a word of a command that can be copied into a shell: quoted only where it
// has to be, with control characters in octal (POSIX.1-2024, 2.2.4), and never an option. The same
// as lib/base/shell.ts does.
struct ShellWord {
  Text path;
};

// One line, written at its end. Control characters, with which a file's name could take over the
// terminal, become question marks.
class Line {
 public:
  Line();
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& operator<<(Text text);
  Line& operator<<(ShellWord word);
  Line& operator<<(Address address);
  Line& operator<<(unsigned number);

 private:
  void put(char character);
  void flush();

  static constexpr std::size_t kRoom = 1024;
  char buffer_[kRoom] = {};
  std::size_t used_ = 0;
};

template <typename... Parts>
void log(Level level, const Parts&... parts) {
  if (!isLogged(level)) return;
  Line line;
  (line << ... << parts);
}

}  // namespace fixelf::shim
