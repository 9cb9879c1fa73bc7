// Symbol versions: those that a file needs from each library, and those that it defines.
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
  // Whether vna_hash is the hash of the name: glibc compares hashes before names (elf/dl-version.c,
  // match_symbol), so a name that was edited by hand is never found.
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

// A version by its number in DT_VERSYM: one that the file needs from a library, or defines.
struct NumberedVersion {
  std::string name;
  uint32_t hash = 0;    // as written; 0: the number means no version
  bool hidden = false;  // needed, and only available under this name
  std::string library;  // that it is needed from; empty if the file defines it
};

// glibc's l_versions (elf/dl-version.c, _dl_check_map_versions), which leaves out the base.
Result<std::vector<NumberedVersion>> readNumberedVersions(const Source& source, const Image& image,
                                                          const StringTable& strings);

// Where the records of one kind are in the file: from the table's start to the last record's end.
// None if there is no such table, if it cannot be walked, or if its records are not contiguous.
struct VersionTable {
  uint64_t offset = 0;
  uint64_t size = 0;
};
std::optional<VersionTable> neededVersionsTable(const Source& source, const Image& image);
std::optional<VersionTable> definedVersionsTable(const Source& source, const Image& image);

// Calls `visit` with each index into the string table in the version records. Fails with Malformed
// if there are more than the counts say.
Status visitVersionNames(const Source& source, const Image& image,
                         const std::function<void(uint64_t)>& visit);

}  // namespace fixelf
