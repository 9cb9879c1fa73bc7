// What one particular loader does by itself: the directories, files and names compiled into it.
// They differ between distributions, and on NixOS between any two glibcs.
#pragma once

#include <string>
#include <vector>

#include "resolve/files.hpp"
#include "resolve/hwcaps.hpp"

namespace fixelf {

struct LoaderProfile {
  enum Libc { Glibc, Musl, Unknown };  // Unknown is assumed to search like glibc

  std::string path;
  Libc libc = Unknown;
  std::vector<std::string> defaultDirectories;  // without a trailing slash
  std::string cachePath;                        // ld.so.cache; empty if there is none
  std::string preloadPath;                      // ld.so.preload; empty if there is none
  std::string libToken;                         // $LIB
  // The directories of glibc-hwcaps that it knows, for any processor, best first.
  std::vector<std::string> hardwareLevels;
  unsigned glibcMinor = 0;       // of its release 2.N; 0 if it has no banner (before 2.33)
  Processor processor;           // that it runs on
  HardwareDirectories hardware;  // which of its directories are for this processor
  // Debian's and Ubuntu's skip a library of the other byte order like one for another machine; all
  // others stop at it.
  bool skipsByteOrder = false;
  // musl before 1.2.4 does not know DT_RELR, unless a distribution has patched it.
  bool mayIgnorePackedRelocations = false;
  std::string note;  // if the above was not read from the loader: what was assumed, and why

  // 2.37 dropped "tls", AT_PLATFORM and AT_HWCAP as directory names (its NEWS).
  [[nodiscard]] bool hasLegacyHwcaps() const { return libc == Glibc && glibcMinor < 37; }
  // GLIBC_ABI_DT_RELR came with 2.36 (elf/dl-version.c).
  [[nodiscard]] bool checksPackedRelocations() const { return libc == Glibc && glibcMinor >= 36; }
  // Before 2.36, which no longer reads NT_GNU_ABI_TAG (elf/dl-load.c, open_verify).
  [[nodiscard]] bool checksAbiTag() const { return libc == Glibc && glibcMinor < 36; }
  // The program's own IFUNCs are not for libraries since 2.33 (sysdeps/x86_64/dl-machine.h and
  // sysdeps/i386/dl-machine.h, elf_machine_rela).
  [[nodiscard]] bool refusesIndirect() const { return libc == Glibc && glibcMinor >= 33; }
  // _dl_check_protected_symbol came with 2.35 (elf/dl-protected.h).
  [[nodiscard]] bool checksProtected() const { return libc == Glibc && glibcMinor >= 35; }
  // 2.41 no longer makes the stack of a running program executable (its NEWS; elf/dl-execstack.c).
  [[nodiscard]] bool refusesExecutableStacks() const { return libc == Glibc && glibcMinor >= 41; }
  // GNU_PROPERTY_X86_ISA_1_NEEDED has been checked since 2.33 (sysdeps/x86/dl-prop.h).
  [[nodiscard]] bool checksIsaLevel() const { return libc == Glibc && glibcMinor >= 33; }
};

const char* libcName(LoaderProfile::Libc libc);

// Without `hardware`, which depends on the processor.
LoaderProfile loaderProfile(Files& files, const std::string& interpreterPath, const Facts& program);

// Where programs for this machine usually have their loader; for libraries, which name none. Empty
// for a machine that is not known here.
std::string usualInterpreter(const Facts& library);

}  // namespace fixelf
