// Resolution: which file the loader would open for each library, and why.
//
// Nothing is run. The rules are those of glibc's elf/dl-load.c (_dl_map_new_object), or of musl's
// ldso/dynlink.c (load_library) where the program's interpreter is musl's; Files stands for the
// disk. Directories of glibc-hwcaps are not searched yet; see expandDirectory in resolution.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resolve/loader.hpp"

namespace fixelf {

struct Tried {
  std::string path;
  std::string why;  // why it was not taken
};

struct Library {
  std::string soname;  // the name by which it is needed, as written
  std::optional<std::string> path;
  std::string reason;    // why this path, or why none
  std::string neededBy;  // the path of the first object that needs it
  std::vector<Tried> tried;
  bool wrongMachineSeen = false;  // a file of that name was passed over as another machine's
  bool optional = false;          // preloaded or DT_AUXILIARY: the loader goes on without it
};

// A symbol version that the chosen library does not define: the loader stops there, unless weak.
struct VersionProblem {
  std::string version;
  std::string library;  // the soname under which it is needed
  std::string providerPath;
  std::string neededBy;
  bool weak = false;
};

struct Resolution {
  std::string path;
  std::optional<std::string> interpreter;  // the file's own, or the one that was to be assumed
  bool interpreterFound = false;
  std::string interpreterReason;
  LoaderProfile loader;
  // In the order in which the loader opens them, each name once. The interpreter is among them
  // only where it is needed by name.
  std::vector<Library> libraries;
  std::vector<VersionProblem> versionProblems;
};

struct ResolveOptions {
  // Assume this one instead of the file's own; also for libraries, which have none.
  std::optional<std::string> interpreter;
  std::string libraryPath;           // LD_LIBRARY_PATH
  std::vector<std::string> preload;  // LD_PRELOAD
};

// Fails where the file itself cannot be read as ELF, or is of no kind that is ever loaded.
Result<Resolution> resolve(Files& files, const std::string& path, const ResolveOptions& options);

// Why `library` cannot be loaded into a program of `program`'s machine, class and byte order, as a
// sentence; empty where it can.
std::string wrongMachineReason(const FileHeader& library, const FileHeader& program);

}  // namespace fixelf
