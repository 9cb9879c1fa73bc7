// Looking up needed libraries once, before the program runs: nixpkgs' glibc takes them from the
// note .note.nixos.ldcache instead of trying each directory of a long search path at every start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "elf/notes.hpp"

namespace fixelf {

// Where each of the libraries is, as far as that can be known now; sorted by soname.
std::vector<CachedResolution> resolveNow(const std::vector<std::string>& needed,
                                         const std::string& searchPath);

// The note's descriptor: pairs of NUL-terminated texts, and a NUL that ends them.
std::vector<uint8_t> descriptorOf(const std::vector<CachedResolution>& cache);

}  // namespace fixelf
