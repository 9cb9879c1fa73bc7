// Symbol versions: which a file needs of each library, and which it defines.
//
// The records are those of the GNU extension (LSB core, "Symbol Versioning"; <elf.h> Verneed,
// Vernaux, Verdef, Verdaux): lists linked by relative offsets, which an attacker may make circular
// or point anywhere, so every step is bounded and must go forwards.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

struct NeededVersion {
  std::string name;
  bool weak = false;  // VER_FLG_WEAK: its absence is a warning to the loader, not an error
  // vna_hash is the hash of the name: glibc compares hashes before names (elf/dl-version.c,
  // match_symbol), so that a name that was edited by hand is found nowhere.
  bool hashed = true;
};

struct NeededVersions {
  std::string library;  // the DT_NEEDED name that must define them
  std::vector<NeededVersion> versions;
  uint16_t form = VER_NEED_CURRENT;  // vn_version
};

Result<std::vector<NeededVersions>> readNeededVersions(const Source& source, const Image& image,
                                                       const StringTable& strings);

struct DefinedVersions {
  std::vector<std::string> names;   // without the base
  std::optional<std::string> base;  // VER_FLG_BASE, which repeats the file's own name
  uint16_t form = VER_DEF_CURRENT;  // vd_version of the first record
};

Result<DefinedVersions> readDefinedVersions(const Source& source, const Image& image,
                                            const StringTable& strings);

// A version by the number that DT_VERSYM has for it: one that the file needs from a library, or
// defines.
struct NumberedVersion {
  std::string name;
  uint32_t hash = 0;    // as written; 0: the number means no version
  bool hidden = false;  // needed, and available under this name only
  std::string library;  // that it is needed from; empty where it is defined
};

// glibc's l_versions (elf/dl-version.c, _dl_check_map_versions), in which the base is left out.
Result<std::vector<NumberedVersion>> readNumberedVersions(const Source& source, const Image& image,
                                                          const StringTable& strings);

// Where the records of one kind are in the file: from the table's start to the last record's end.
// None where there is no such table, where it cannot be walked, or where its records are not
// contiguous.
struct VersionTable {
  uint64_t offset = 0;
  uint64_t size = 0;
};
std::optional<VersionTable> neededVersionsTable(const Source& source, const Image& image);
std::optional<VersionTable> definedVersionsTable(const Source& source, const Image& image);

// Calls `visit` with each index into the string table that the version records hold. Fails with
// Malformed where there are more than the counts say.
Status visitVersionNames(const Source& source, const Image& image,
                         const std::function<void(uint64_t)>& visit);

}  // namespace fixelf
