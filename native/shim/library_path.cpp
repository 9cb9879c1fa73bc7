#include "library_path.hpp"

#include <linux/mman.h>

#include "log.hpp"
#include "places.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

// PATH_MAX of include/uapi/linux/limits.h.
constexpr std::size_t kLongestPath = 4096;

// Whether one of the directories is there. What only the real loader understands counts as there:
// $ORIGIN and the like, and what depends on the working directory.
bool anyIsThere(Text directories) {
  char path[kLongestPath];
  while (true) {
    const Text directory = directories.until(':');
    const bool absolute = directory.startsWith("/");
    if (!absolute || directory.until('$').size != directory.size) return true;
    if (directory.size < sizeof path) {
      __builtin_memcpy(&path, directory.data, directory.size);
      path[directory.size] = '\0';
      if (isDirectory(static_cast<const char*>(path))) return true;
    }
    if (directory.size == directories.size) return false;
    directories = directories.without({directories.data, directory.size + 1});
  }
}

void append(char*& end, Text text) {
  __builtin_memcpy(end, text.data, text.size);
  end += text.size;
}

// A colon, unless there is one, or nothing before it: an empty element would be the working
// directory.
void separate(char*& end) {
  if (end[-1] != '=' && end[-1] != ':') *end++ = ':';
}

}  // namespace

char* libraryPathEntry(const Variables& variables) {
  const Text before = variables.ofTheLoader.value;
  Text first;
  Text second;
  if (variables.libraryPath.isSet()) {
    first = variables.libraryPath.value;
    log(Level::Info, variables.libraryPath.name, " names the libraries' directories ", first);
    if (!first.empty() && !anyIsThere(first))
      log(Level::Warn, "no directory of ", variables.libraryPath.name, " is there: ", first,
          "; set it to what `fixelf env` prints for the program, or unset it");
  } else {
    if (isDirectory(static_cast<const char*>(kFarm))) first = kFarm;
    if (isDirectory(static_cast<const char*>(kNixLd))) second = kNixLd;
    log(Level::Info, "the libraries' directories are the default ones that are there: ", first,
        first.empty() || second.empty() ? Text() : Text(":"), second);
  }
  if (first.empty() && second.empty()) return nullptr;

  const Text prefix = kLibraryPathPrefix;
  const std::size_t room = prefix.size + before.size + 1 + first.size + 1 + second.size + 1;
  const std::uintptr_t memory = mapAnonymous(room, PROT_READ | PROT_WRITE);
  if (isError(memory)) {
    log(Level::Warn, "there is no memory for LD_LIBRARY_PATH");
    return nullptr;
  }
  auto* entry = reinterpret_cast<char*>(memory);
  char* end = entry;
  append(end, prefix);
  append(end, before);
  if (!first.empty()) {
    separate(end);
    append(end, first);
  }
  if (!second.empty()) {
    separate(end);
    append(end, second);
  }
  log(Level::Debug, "the loader sees ", Text(entry, static_cast<std::size_t>(end - entry)));
  return entry;
}

}  // namespace fixelf::shim
