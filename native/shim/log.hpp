// What is printed on standard error: sentences about failures, and as much else as NIX_LD_LOG asks
// for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text.hpp"

namespace fixelf::shim {

// nix-ld's names. The default is zero, so that nothing has to be written at first.
enum class Level : std::int8_t { Off = -2, Error, Warn, Info, Debug, Trace };

// Warnings, unless set otherwise.
void setLevel(Level level);
bool isLogged(Level level);
// From a word, in upper or lower case; false if there is no such level.
bool parseLevel(Text word, Level& level);

// A number to be printed in hexadecimal.
struct Address {
  std::uintptr_t value;
};

// A path to be printed as a word of a command that can be copied into a shell: quoted only if
// necessary, with control characters in octal (POSIX.1-2024, 2.2.4), and never an option. Same
// rules as lib/base/shell.ts.
struct ShellWord {
  Text path;
};

// One line, written when it ends. Control characters, with which a file's name could take over the
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
