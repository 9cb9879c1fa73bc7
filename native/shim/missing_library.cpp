#include "missing_library.hpp"

#include <linux/mman.h>

#include "library_path.hpp"
#include "log.hpp"
#include "program.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

// A path made of pieces. What is longer is looked for by the loader alone.
class Path {
 public:
  Path& operator<<(Text text) {
    fits_ = fits_ && text.size < sizeof buffer_ - used_;
    if (!fits_) return *this;
    __builtin_memcpy(buffer_ + used_, text.data, text.size);
    used_ += text.size;
    buffer_[used_] = '\0';
    return *this;
  }

  // What a symbolic link holds, in the place of what was here.
  bool readLinkAt(const char* link) {
    const long size = readLink(link, static_cast<char*>(buffer_), sizeof buffer_ - 1);
    fits_ = size > 0 && static_cast<std::size_t>(size) < sizeof buffer_ - 1;
    used_ = fits_ ? static_cast<std::size_t>(size) : 0;
    buffer_[used_] = '\0';
    return fits_;
  }

  [[nodiscard]] bool fits() const { return fits_; }
  [[nodiscard]] const char* get() const { return static_cast<const char*>(buffer_); }
  // Up to its last slash, without it.
  [[nodiscard]] Text directory() const {
    std::size_t size = used_;
    while (size > 0 && buffer_[size - 1] != '/')
      --size;
    return {static_cast<const char*>(buffer_), size > 1 ? size - 1 : size};
  }

 private:
  char buffer_[512] = {};
  std::size_t used_ = 0;
  bool fits_ = true;
};

enum class Answer { There, NotThere, Unknown };

Answer lookInto(Text directory, Text name) {
  Path path;
  path << directory << "/" << name;
  if (!path.fits()) return Answer::Unknown;
  return exists(path.get()) ? Answer::There : Answer::NotThere;
}

// $ORIGIN is where the program lies. Only as the beginning of a directory is it filled in here.
Answer lookIntoOrigin(Text rest, Text name) {
  Path program;
  if (!program.readLinkAt("/proc/self/exe")) return Answer::Unknown;
  Path directory;
  directory << program.directory() << rest;
  return directory.fits() ? lookInto(Text::of(directory.get()), name) : Answer::Unknown;
}

// In directories with colons between. Of what depends on the working directory, or has other
// variables than $ORIGIN (elf/dl-load.c, _dl_dst_substitute), nothing is said.
Answer lookIntoEach(Text list, Text name) {
  while (!list.empty()) {
    const Text directory = list.until(':');
    Text rest = directory;
    if (directory.startsWith("$ORIGIN")) rest = directory.without("$ORIGIN");
    if (directory.startsWith("${ORIGIN}")) rest = directory.without("${ORIGIN}");
    const bool hasOrigin = rest.size != directory.size;
    const bool isPlain = rest.until('$').size == rest.size && rest.until(';').size == rest.size;
    if (!isPlain || !(rest.startsWith("/") || (hasOrigin && rest.empty()))) return Answer::Unknown;
    const Answer answer = hasOrigin ? lookIntoOrigin(rest, name) : lookInto(rest, name);
    if (answer != Answer::NotThere) return answer;
    if (directory.size == list.size) break;
    list = {list.data + directory.size + 1, list.size - directory.size - 1};
  }
  return Answer::NotThere;
}

// Whether a file has the name with a zero behind it: the loader's cache has one for each library.
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

// In the loader's own directories: where it lies, which is the only one of a loader from the store,
// and those that other systems' have compiled in. Its cache is in the file system's /etc or, for a
// loader from the store, in its store path's.
Answer lookIntoDefaults(const Choice& choice, Text name) {
  const long file = openFile(choice.path);
  if (file < 0) return Answer::Unknown;
  Path link;
  link << "/proc/self/fd/" << Digits(static_cast<unsigned>(file)).text();
  Path loader;
  const bool isKnown = loader.readLinkAt(link.get());
  closeFile(static_cast<int>(file));
  if (!isKnown) return Answer::Unknown;

  const Text own = loader.directory();
  Answer answer = lookInto(own, name);
  if (answer == Answer::NotThere) answer = lookIntoEach("/lib:/usr/lib:/lib64:/usr/lib64", name);
  if (answer != Answer::NotThere) return answer;
  Path cache;
  cache << own << "/../etc/ld.so.cache";
  if (!cache.fits() || holdsName(cache.get(), name) || holdsName("/etc/ld.so.cache", name))
    return Answer::Unknown;
  return Answer::NotThere;
}

// glibc's own libraries lie beside its loader: they come and go together.
bool isOfGlibc(Text name) {
  return name == "libc.so.6" || name == "libm.so.6" || name == "libpthread.so.0" ||
         name == "libdl.so.2" || name == "librt.so.1" || name == "libutil.so.1" ||
         name.startsWith("ld-linux");
}

// musl's loader is its C library, under several names, and searches by a file of its own
// (ldso/dynlink.c, load_library).
bool isMusl(const Program& program) {
  for (const DynamicEntry& entry : program) {
    if (entry.tag != DT_NEEDED) continue;
    const Text name = program.name(entry);
    if (name == "libc.so" || name.startsWith("libc.musl-")) return true;
  }
  return false;
}

}  // namespace

void tellOfMissingLibrary(const Stack& stack, const Choice& choice, const char* libraryPath) {
  if (!isLogged(Level::Warn)) return;
  const Program program(stack);
  if (isMusl(program)) return;
  const Text told =
      libraryPath == nullptr ? Text() : Text::of(libraryPath).without(kLibraryPathPrefix);
  for (const DynamicEntry& entry : program) {
    if (entry.tag != DT_NEEDED) continue;
    const Text name = program.name(entry);
    if (name.empty() || isOfGlibc(name) || name.until('/').size != name.size) continue;
    Answer answer = lookIntoEach(told, name);
    if (answer == Answer::NotThere) answer = lookIntoEach(program.searchPath(), name);
    if (answer == Answer::NotThere) answer = lookIntoDefaults(choice, name);
    if (answer == Answer::Unknown) return;
    if (answer == Answer::There) continue;
    log(Level::Warn, stack.program(), " needs ", name,
        ", which is in no directory that its loader searches; `fixelf env ", stack.program(),
        "` prints what to set, and `fixelf find ", name, "` where it is");
    return;
  }
}

}  // namespace fixelf::shim
