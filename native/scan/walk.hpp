// Every ELF file below a directory.
//
// The walk stays inside the tree: symbolic links are not followed, nor are mounts of the same
// directory seen twice. What cannot be read is listed, never fatal; what vanishes meanwhile was
// never there.
#pragma once

#include <string>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf {

struct Walked {
  std::vector<Facts> elf;       // sorted by path
  std::vector<Error> failures;  // unreadable or malformed, sorted by path
  uint64_t files = 0;           // regular files seen
};

// Fails where the root itself cannot be listed.
Result<Walked> walk(const std::string& root);

}  // namespace fixelf
