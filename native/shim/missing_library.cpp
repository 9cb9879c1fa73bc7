#include "missing_library.hpp"

#include <linux/mman.h>

#include "library_path.hpp"
#include "log.hpp"
#include "path.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

enum class Answer { There, NotThere, Unknown };

// Subdirectories with libraries for particular processors: glibc-hwcaps, and before glibc 2.37 the
// others (elf/dl-hwcaps.c, elf/dl-load.c). Which of them a loader uses is up to it. One text: a
// table of several would have to be relocated.
constexpr char kBelow[] = "glibc-hwcaps:tls:haswell:xeon_phi:x86_64:i686:sse2:atomics:neon:vfp:";

bool mayHoldMore(Text directory) {
  Text rest = kBelow;
  while (!rest.empty()) {
    const Text name = rest.until(':');
    Path path;
    path << directory << "/" << name;
    if (!path.fits() || exists(path.get())) return true;
    rest = {rest.data + name.size + 1, rest.size - name.size - 1};
  }
  return false;
}

// What is looked for.
struct Search {
  Text name;
  // The file, if it is there.
  Path& found;
  // Only whether the directories may hold more than they show. This is checked for what is in none
  // of them, so it costs an ordinary start nothing.
  bool below = false;
};

Answer lookInto(Text directory, const Search& search) {
  if (search.below) return mayHoldMore(directory) ? Answer::Unknown : Answer::NotThere;
  search.found = Path();
  search.found << directory << "/" << search.name;
  if (!search.found.fits()) return Answer::Unknown;
  return exists(search.found.get()) ? Answer::There : Answer::NotThere;
}

// $ORIGIN is the program's directory. It is only expanded here at the beginning of a directory.
Answer lookIntoOrigin(Text rest, const Search& search) {
  Path program;
  if (!program.readLinkAt("/proc/self/exe")) return Answer::Unknown;
  Path directory;
  directory << program.directory() << rest;
  return directory.fits() ? lookInto(Text::of(directory.get()), search) : Answer::Unknown;
}

// In directories separated by colons, in variables also by semicolons (elf/dl-load.c,
// fillin_rpath). The answer is unknown for what depends on the working directory, or has variables
// other than $ORIGIN (elf/dl-load.c, _dl_dst_substitute).
Answer lookIntoEach(Text list, const Search& search, char separator = ':') {
  if (list.empty()) return Answer::NotThere;
  while (true) {
    const Text directory = list.until(':').until(separator);
    Text rest = directory;
    if (directory.startsWith("$ORIGIN")) rest = directory.without("$ORIGIN");
    if (directory.startsWith("${ORIGIN}")) rest = directory.without("${ORIGIN}");
    const bool hasOrigin = rest.size != directory.size;
    const bool isPlain = rest.until('$').size == rest.size;
    if (!isPlain || !(rest.startsWith("/") || (hasOrigin && rest.empty()))) return Answer::Unknown;
    const Answer answer = hasOrigin ? lookIntoOrigin(rest, search) : lookInto(rest, search);
    if (answer != Answer::NotThere) return answer;
    if (directory.size == list.size) return Answer::NotThere;
    list = {list.data + directory.size + 1, list.size - directory.size - 1};
  }
}

// Whether a file contains the name followed by a zero: the loader's cache does for each library.
bool holdsName(const char* path, Text name) {
  const long file = openFile(path);
  if (file < 0) return false;
  bool found = false;
  if (const long size = sizeOfFile(static_cast<int>(file)); size > 0) {
    const auto length = static_cast<std::size_t>(size);
    const std::uintptr_t memory = mapAnonymous(length, PROT_READ | PROT_WRITE);
    if (!isError(memory)) {
      auto* bytes = reinterpret_cast<char*>(memory);
      const bool isRead = readFile(static_cast<int>(file), 0, bytes, length) == 0;
      for (std::size_t at = 0; isRead && !found && at + name.size < length; ++at)
        found = bytes[at + name.size] == '\0' && Text(bytes + at, name.size) == name;
      unmap(memory, length);
    }
  }
  closeFile(static_cast<int>(file));
  return found;
}

// In the loader's own directories: the one that it is in, which is the only one of a loader from
// the store, and those compiled into other systems' loaders. Its cache is in the file system's /etc
// or, for a loader from the store, in its store path's.
Answer lookIntoDefaults(const Choice& choice, const Search& search) {
  const long file = openFile(choice.path);
  if (file < 0) return Answer::Unknown;
  Path link;
  link << "/proc/self/fd/" << Digits(static_cast<unsigned>(file)).text();
  Path loader;
  const bool isKnown = loader.readLinkAt(link.get());
  closeFile(static_cast<int>(file));
  if (!isKnown) return Answer::Unknown;

  const Text own = loader.directory();
  Answer answer = lookInto(own, search);
  if (answer == Answer::NotThere) answer = lookIntoEach("/lib:/usr/lib:/lib64:/usr/lib64", search);
  if (answer != Answer::NotThere) return answer;
  Path cache;
  cache << own << "/../etc/ld.so.cache";
  if (!cache.fits() || holdsName(cache.get(), search.name) ||
      holdsName("/etc/ld.so.cache", search.name))
    return Answer::Unknown;
  return Answer::NotThere;
}

// glibc's own libraries are beside its loader: they come and go together.
bool isOfGlibc(Text name) {
  return name == "libc.so.6" || name == "libm.so.6" || name == "libpthread.so.0" ||
         name == "libdl.so.2" || name == "librt.so.1" || name == "libutil.so.1" ||
         name.startsWith("ld-linux");
}

// What is loaded before the program's libraries may have the name under which one of them is
// needed.
bool isPreloaded(const Variables& variables) {
  return !variables.preload.value.empty() || exists("/etc/ld.so.preload") ||
         exists("/etc/ld-nix.so.preload");  // nixpkgs' glibc
}

Answer look(const Program& program, const Choice& choice, Text told, const Search& search) {
  Answer answer = lookIntoEach(told, search, ';');
  if (answer == Answer::NotThere) answer = lookIntoEach(program.searchPath(), search);
  if (answer == Answer::NotThere) answer = lookIntoDefaults(choice, search);
  return answer;
}

// Whether a library that is needed before `name` may have that as its DT_SONAME: it would then
// serve (elf/dl-load.c, _dl_map_object).
bool isNameOfEarlier(const Program& program, const Choice& choice, Text told, Text name) {
  for (const DynamicEntry& entry : program) {
    if (entry.tag != DT_NEEDED) continue;
    const Text earlier = program.name(entry);
    if (earlier == name) return false;
    if (earlier.until('/').size != earlier.size) return true;
    Path found;
    if (look(program, choice, told, {earlier, found}) != Answer::There) return true;
    if (holdsName(found.get(), name)) return true;
  }
  return false;
}

}  // namespace

void tellOfMissingLibrary(const Stack& stack, const Program& program, const Choice& choice,
                          const Variables& variables, const char* libraryPath) {
  // musl's loader searches by a file of its own (ldso/dynlink.c, load_library).
  if (!isLogged(Level::Warn) || program.isMusl()) return;
  const Text told = libraryPath == nullptr ? variables.ofTheLoader.value
                                           : Text::of(libraryPath).without(kLibraryPathPrefix);
  for (const DynamicEntry& entry : program) {
    if (entry.tag != DT_NEEDED) continue;
    const Text name = program.name(entry);
    if (name.empty() || isOfGlibc(name) || name.until('/').size != name.size) continue;
    Path found;
    const Answer answer = look(program, choice, told, {name, found});
    if (answer == Answer::Unknown) return;
    if (answer == Answer::There) continue;
    if (look(program, choice, told, {name, found, true}) == Answer::Unknown) return;
    if (isPreloaded(variables) || isNameOfEarlier(program, choice, told, name)) return;
    log(Level::Warn, stack.program(), " needs ", name,
        ", which is in no directory that its loader searches; `fixelf env --get ",
        ShellWord{stack.program()}, "` gets it if no store path has it, and prints what to set");
    return;
  }
}

}  // namespace fixelf::shim
