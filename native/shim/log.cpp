#include "log.hpp"

#include "system.hpp"

namespace fixelf::shim {

namespace {

Level threshold;

bool isWord(Text text, Text lowerCase) {
  if (text.size != lowerCase.size) return false;
  for (std::size_t index = 0; index < text.size; ++index) {
    const char character = text.data[index];
    const bool upper = character >= 'A' && character <= 'Z';
    const char lower = upper ? static_cast<char>(character - 'A' + 'a') : character;
    if (lower != lowerCase.data[index]) return false;
  }
  return true;
}

bool isControl(char character) {
  const auto code = static_cast<unsigned char>(character);
  return code < 0x20 || code == 0x7f;
}

bool isPlain(char character) {
  if (character >= 'A' && character <= 'Z') return true;
  if (character >= 'a' && character <= 'z') return true;
  if (character >= '0' && character <= '9') return true;
  const Text others("_./@%+:,=-");
  return others.until(character).size != others.size;
}

}  // namespace

void setLevel(Level level) {
  threshold = level;
}

bool isLogged(Level level) {
  return level <= threshold;
}

bool parseLevel(Text word, Level& level) {
  if (isWord(word, "off")) {
    level = Level::Off;
  } else if (isWord(word, "error")) {
    level = Level::Error;
  } else if (isWord(word, "warn")) {
    level = Level::Warn;
  } else if (isWord(word, "info")) {
    level = Level::Info;
  } else if (isWord(word, "debug")) {
    level = Level::Debug;
  } else if (isWord(word, "trace")) {
    level = Level::Trace;
  } else {
    return false;
  }
  return true;
}

Line::Line() {
  *this << "fixelf-ld: ";
}

Line::~Line() {
  // Not through put, which would turn it into a question mark.
  if (used_ == kRoom) flush();
  buffer_[used_++] = '\n';
  flush();
}

Line& Line::operator<<(Text text) {
  for (std::size_t index = 0; index < text.size; ++index)
    put(text.data[index]);
  return *this;
}

Line& Line::operator<<(ShellWord word) {
  const Text path = word.path;
  bool plain = !path.empty();
  bool readable = true;
  for (std::size_t index = 0; index < path.size; ++index) {
    plain = plain && isPlain(path.data[index]);
    readable = readable && !isControl(path.data[index]);
  }
  if (path.startsWith("-")) *this << "./";
  if (plain) return *this << path;
  *this << (readable ? Text("'") : Text("$'"));
  for (std::size_t index = 0; index < path.size; ++index) {
    const char character = path.data[index];
    const auto code = static_cast<unsigned char>(character);
    if (isControl(character)) {
      put('\\');
      for (unsigned shift = 9; shift > 0; shift -= 3)
        put(static_cast<char>('0' + (code >> (shift - 3) & 7U)));
    } else if (character == '\'') {
      *this << (readable ? Text("'\\''") : Text("\\'"));
    } else if (character == '\\' && !readable) {
      *this << "\\\\";
    } else {
      put(character);
    }
  }
  return *this << "'";
}

Line& Line::operator<<(Address address) {
  *this << "0x";
  int shift = static_cast<int>(sizeof address.value) * 8 - 4;
  while (shift > 0 && (address.value >> shift) == 0)
    shift -= 4;
  for (; shift >= 0; shift -= 4)
    put(Text("0123456789abcdef").data[(address.value >> shift) & 15]);
  return *this;
}

Line& Line::operator<<(unsigned number) {
  return *this << Digits(number).text();
}

void Line::put(char character) {
  if (used_ == kRoom) flush();
  buffer_[used_++] = isControl(character) ? '?' : character;
}

void Line::flush() {
  writeError(static_cast<const char*>(buffer_), used_);
  used_ = 0;
}

}  // namespace fixelf::shim
