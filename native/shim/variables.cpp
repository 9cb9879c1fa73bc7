#include "variables.hpp"

#include "machine.hpp"

namespace fixelf::shim {

namespace {

// Whether `name` is `general`, an underscore and this machine's Nix system.
bool isOfThisSystem(Text name, Text general) {
  if (!name.startsWith(general)) return false;
  const Text rest = name.without(general);
  return rest.startsWith("_") && rest.without("_") == kNixSystem;
}

// Of several with the same name, the first counts, as for getenv.
void keepFirst(Variable& kept, const Variable& found) {
  if (!kept.isSet()) kept = found;
}

}  // namespace

Variables readVariables(char** environment) {
  Variables general;
  Variables ofThisSystem;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    // Nearly all others end here, without being read to their end.
    if ((*entry)[0] != 'N' && (*entry)[0] != 'L') continue;
    const Text whole = Text::of(*entry);
    const Text name = whole.until('=');
    if (name.size == whole.size) continue;
    const Variable found{entry, name, {name.data + name.size + 1, whole.size - name.size - 1}};

    if (name == "NIX_LD") {
      keepFirst(general.loader, found);
    } else if (name == "NIX_LD_LIBRARY_PATH") {
      keepFirst(general.libraryPath, found);
    } else if (name == "NIX_LD_LOG") {
      keepFirst(general.log, found);
    } else if (name == "LD_LIBRARY_PATH") {
      // glibc's loader uses the last (process_envvars in elf/rtld.c).
      general.ofTheLoader = found;
    } else if (name == "LD_PRELOAD") {
      general.preload = found;
    } else if (isOfThisSystem(name, "NIX_LD_LIBRARY_PATH")) {
      keepFirst(ofThisSystem.libraryPath, found);
    } else if (isOfThisSystem(name, "NIX_LD")) {
      keepFirst(ofThisSystem.loader, found);
    }
  }
  if (ofThisSystem.loader.isSet()) general.loader = ofThisSystem.loader;
  if (ofThisSystem.libraryPath.isSet()) general.libraryPath = ofThisSystem.libraryPath;
  return general;
}

void setLevel(const Variable& log) {
  if (!log.isSet()) return;
  Level level = Level::Warn;
  if (parseLevel(log.value, level)) {
    setLevel(level);
  } else {
    shim::log(Level::Warn, "NIX_LD_LOG is ", log.value,
              ", which is not one of off, error, warn, info, debug and trace");
  }
}

}  // namespace fixelf::shim
