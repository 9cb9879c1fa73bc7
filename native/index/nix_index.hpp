// nix-index's database of the files in nixpkgs: which packages have which libraries.
//
// The format (nix-index, src/database.rs and src/frcode.rs), version 1: "NIXI", the version in
// eight bytes, then one Zstandard stream of entries. An entry is
//
//     what the file is, NUL, how much more of the previous path is shared than the previous entry
//     shared, the rest of the path, newline
//
// where the second is a signed byte, or 0x80 and two bytes, the higher first. A package's files
// come first, and then an entry "p" whose path is JSON that identifies the package.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/error.hpp"

namespace fixelf {

struct NixIndexLibraries {
  // For each package that has libraries, in the order of the database, a line: its JSON.
  std::string packages;
  // For each library directly in a package's lib, sorted by name, a line: the name, a tab, and
  // where in `packages` the line of its package begins.
  std::string names;
  uint64_t entries = 0;
  // How many of them are outside /bin: a database made with `nix-index --filter-prefix /bin/` has
  // none.
  uint64_t others = 0;
};

// Fails with NotElf for what is not such a database, Unsupported for another version, Malformed or
// Truncated for a damaged one, LimitExceeded, Cancelled, NotFound, Io.
Result<NixIndexLibraries> readNixIndex(const std::string& path, const std::stop_token& stop);

}  // namespace fixelf
