// Resolution: which file the loader would open for each library, and why.
//
// Nothing is run. The rules are those of glibc's elf/dl-load.c (_dl_map_new_object), or of musl's
// ldso/dynlink.c (load_library) if the program's interpreter is musl's; Files takes the place of
// the disk. Namespaces other than the first (dlmopen, LD_AUDIT) are not followed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolve/acceptance.hpp"
#include "resolve/loader.hpp"

namespace fixelf {

struct Tried {
  Interned path;
  Refusal refusal = Refusal::None;
  Interned why;  // why it was not taken
};

enum class LibraryKind : uint8_t { Needed, Preloaded, Auxiliary, Filter };

const char* libraryKindName(LibraryKind kind);

struct Library {
  Interned soname;                         // the name by which it is needed, as written
  Interned path;                           // none if it is not found
  Interned reason;                         // why this path, or why none
  Interned neededBy;                       // the path of the first object that needs it
  LibraryKind kind = LibraryKind::Needed;  // how that object refers to it
  std::vector<Tried> tried;
  bool wrongMachineSeen = false;  // a file of that name was skipped as another machine's
  bool optional = false;          // preloaded or DT_AUXILIARY: the loader goes on without it
};

// A symbol version that the chosen library does not define: the loader stops there, unless weak.
struct VersionProblem {
  Interned version;
  Interned library;  // the soname under which it is needed
  Interned providerPath;
  Interned neededBy;
  bool weak = false;
};

// "no version information available": versions are needed from a library that defines none. glibc
// only warns.
struct UnversionedLibrary {
  Interned library;
  Interned providerPath;
  Interned neededBy;
};

// "CPU ISA level is lower than required": glibc ends the program once everything is loaded.
struct IsaProblem {
  Interned path;
  uint32_t missing = 0;  // bits of GNU_PROPERTY_X86_ISA_1_NEEDED that the processor lacks
};

// An object that is found but cannot be loaded, or a program that the kernel cannot map.
struct LoadProblem {
  Interned path;
  Interned why;  // a sentence without the path
  // Only if a running program opens it (dlopen); linked to one that is started, it loads.
  bool opened = false;
};

// A symbol that is bound at startup, and that none of the loaded files defines: "symbol lookup
// error", or with musl "symbol not found".
struct MissingSymbol {
  Interned symbol;
  Interned version;  // none if it is wanted without one
  Interned library;  // that should have the version
  Interned neededBy;
};

struct Resolution {
  std::shared_ptr<const InternedStrings> strings;  // that hold its texts
  std::string path;
  std::optional<std::string> interpreter;  // none if the program is static, or none is known
  bool interpreterFound = false;
  bool interpreterAssumed = false;  // a library names none: its machine's usual one
  std::string interpreterReason;
  std::shared_ptr<const LoaderProfile> loader;  // never null
  // In the order in which the loader opens them, each name once; twice if the first object to need
  // it does not find it, but another does. The interpreter is among them only if it is needed by
  // name.
  std::vector<Library> libraries;
  std::vector<VersionProblem> versionProblems;
  std::vector<UnversionedLibrary> unversionedLibraries;
  std::vector<IsaProblem> isaProblems;
  // Paths of objects with packed relocations (DT_RELR) that do not require the version by which
  // libc shows that it supports them: "DT_RELR without GLIBC_ABI_DT_RELR dependency". With musl
  // before 1.2.4, of all that have such relocations.
  std::vector<Interned> relrProblems;
  std::vector<LoadProblem> loadProblems;
  // For a program, if ResolveOptions request it and none of the above stops the loader first.
  std::vector<MissingSymbol> missingSymbols;
};

// nix-ld's stand-in loader: it starts this loader with that LD_LIBRARY_PATH appended to the
// caller's.
struct NixLd {
  std::string loader;       // NIX_LD
  std::string libraryPath;  // NIX_LD_LIBRARY_PATH
};

struct ResolveOptions {
  // Assume this one instead of the file's own; also for libraries, which have none.
  std::optional<std::string> interpreter;
  // The program that opens the file, a module: what it has loaded itself is not searched for.
  std::optional<std::string> opener;
  std::string libraryPath;  // LD_LIBRARY_PATH
  std::string preload;      // LD_PRELOAD
  // The best directory of glibc-hwcaps that the processor may use, such as "x86-64-v3", or
  // "baseline". If not given, this machine's.
  std::optional<std::string> processor;
  // AT_SECURE: the program runs as a user other than the caller (set-user-ID).
  bool secure = false;
  std::optional<NixLd> nixLd;
  // Look for symbols that are bound at startup; for all of them if `bindNow` (LD_BIND_NOW).
  bool symbols = false;
  bool bindNow = false;
  // Keep what was tried and not taken for each library; for thousands of files that is a lot.
  bool tried = true;
};

// Fails if the file itself cannot be read as ELF, or is of a kind that is never loaded. A caller
// with many files keeps a Resolver (resolver.hpp).
Result<Resolution> resolve(Files& files, const std::string& path, const ResolveOptions& options);

}  // namespace fixelf
