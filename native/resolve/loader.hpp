// What one particular loader does by itself: the directories, files and names that were compiled
// into it. They differ between distributions, and on NixOS between any two glibcs.
#pragma once

#include <string>
#include <vector>

#include "resolve/files.hpp"

namespace fixelf {

struct LoaderProfile {
  enum Libc { Glibc, Musl, Unknown };  // Unknown is taken to search as glibc does

  std::string path;
  Libc libc = Unknown;
  std::vector<std::string> defaultDirectories;  // without a slash at the end
  std::string cachePath;                        // ld.so.cache; empty where there is none
  std::string preloadPath;                      // ld.so.preload; empty where there is none
  std::string libToken;                         // $LIB
  std::string platformToken;                    // $PLATFORM; empty where only the kernel knows it
  std::string note;  // where the above was not read from the loader: what was assumed, and why
};

const char* libcName(LoaderProfile::Libc libc);

LoaderProfile loaderProfile(Files& files, const std::string& interpreterPath, const Facts& program);

// Where programs of this machine ordinarily have their loader; for libraries, which name none.
// Empty for a machine that is not known here.
std::string usualInterpreter(const Facts& library);

}  // namespace fixelf
