// The subdirectories that a loader searches before each directory: libraries built for particular
// processors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "resolve/processor.hpp"

namespace fixelf {

struct LoaderProfile;

struct HardwareDirectories {
  // Below a searched directory, best first, each without a trailing slash; the directory itself
  // comes after them.
  std::vector<std::string> subdirectories;
  // The names below glibc-hwcaps, best first: they count in ld.so.cache as well.
  std::vector<std::string> levels;
  // The bits that do not rule out an entry for legacy directories in ld.so.cache; glibc 2.37 takes
  // no entry that has any.
  uint64_t legacyBits = 0;
};

HardwareDirectories hardwareDirectories(const LoaderProfile& loader, const Processor& processor);

}  // namespace fixelf
