// The subdirectories in which a loader looks before each directory: libraries that were built for
// particular processors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "resolve/processor.hpp"

namespace fixelf {

struct LoaderProfile;

struct HardwareDirectories {
  // Below a searched directory, best first, each without a slash at the end; the directory itself
  // comes after them.
  std::vector<std::string> subdirectories;
  // The names below glibc-hwcaps, best first: those that count in ld.so.cache as well.
  std::vector<std::string> levels;
  // The bits that do not rule out an entry in ld.so.cache for legacy directories; glibc 2.37 takes
  // no entry that has any.
  uint64_t legacyBits = 0;
};

HardwareDirectories hardwareDirectories(const LoaderProfile& loader, const Processor& processor);

}  // namespace fixelf
