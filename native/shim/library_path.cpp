#include "library_path.hpp"

#include <linux/mman.h>

#include "log.hpp"
#include "places.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

// Enough for forty store paths. It shares a page with the little else that is written, which saves
// a system call and a page fault.
char ordinaryRoom[3072];

char* roomFor(std::size_t size) {
  if (size <= sizeof ordinaryRoom) return static_cast<char*>(ordinaryRoom);
  const std::uintptr_t memory = mapAnonymous(size, PROT_READ | PROT_WRITE);
  return isError(memory) ? nullptr : reinterpret_cast<char*>(memory);
}

char* append(char* end, Text text) {
  __builtin_memcpy(end, text.data, text.size);
  return end + text.size;
}

// Whether any of the directories exists; `list` ends with a zero. What only the real loader
// understands counts as existing: $ORIGIN and similar, and what depends on the working directory.
bool anyIsThere(char* list) {
  while (true) {
    const Text rest = Text::of(list);
    const Text directory = rest.until(':').until(';');
    const bool absolute = directory.startsWith("/");
    if (!absolute || directory.until('$').size != directory.size) return true;
    char* end = list + directory.size;
    const char behind = *end;
    *end = '\0';
    const bool isThere = exists(list);
    *end = behind;
    if (isThere) return true;
    if (behind == '\0') return false;
    list = end + 1;
  }
}

}  // namespace

char* libraryPathEntry(const Variables& variables) {
  const bool isSaid = variables.libraryPath.isSet();
  const Text before = variables.ofTheLoader.value;
  Text first;
  Text second;
  if (isSaid) {
    first = variables.libraryPath.value;
    log(Level::Info, variables.libraryPath.name, " names the libraries' directories ", first);
  } else {
    if (exists(static_cast<const char*>(kFarm))) first = kFarm;
    if (exists(static_cast<const char*>(kNixLd))) second = kNixLd;
    if (first.empty()) {
      first = second;
      second = {};
    }
    log(Level::Info, "the libraries' directories are the default ones that are there: ", first,
        second.empty() ? Text() : Text(":"), second);
  }
  if (first.empty()) return nullptr;

  const Text prefix = kLibraryPathPrefix;
  char* entry = roomFor(prefix.size + before.size + 1 + first.size + 1 + second.size + 1);
  if (entry == nullptr) {
    log(Level::Warn, "there is no memory for LD_LIBRARY_PATH");
    return nullptr;
  }
  char* end = append(append(entry, prefix), before);
  // A trailing colon means an empty element behind it, the working directory, which is kept.
  if (!before.empty()) end = append(end, ":");
  char* added = end;
  end = append(end, first);
  if (!second.empty()) end = append(append(end, ":"), second);
  *end = '\0';

  if (isSaid && !anyIsThere(added))
    log(Level::Warn, "no directory of ", variables.libraryPath.name, " is there: ", first,
        "; set it to what `fixelf env` prints for the program, or unset it");
  log(Level::Debug, "the loader sees ", Text::of(entry));
  return entry;
}

}  // namespace fixelf::shim
