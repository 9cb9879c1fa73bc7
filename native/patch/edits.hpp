// What is asked of a file, and which bytes that changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// DT_RUNPATH is searched only for a file's own needs; DT_RPATH also for those of every library
// below it that has no DT_RUNPATH (glibc elf/dl-load.c, _dl_map_new_object).
enum class SearchPathTag { Runpath, Rpath };

struct Renaming {
  std::string from;
  std::string to;
};

// Everything that can be asked of one file at once. What the file already satisfies costs nothing.
struct Edits {
  std::optional<std::string> interpreter;
  struct SearchPath {
    std::string value;  // colon-separated; empty removes DT_RPATH and DT_RUNPATH
    SearchPathTag tag = SearchPathTag::Runpath;
  };
  std::optional<SearchPath> searchPath;
  std::optional<std::string> soname;  // empty removes DT_SONAME
  // In this order. Libraries that are not there are ignored.
  std::vector<std::string> removeNeeded;         // with the symbol versions needed from it
  std::vector<Renaming> replaceNeeded;           // in DT_NEEDED and in the needed versions
  std::vector<std::string> addNeeded;            // before the present ones, in the given order
  bool noDefaultLibraries = false;               // sets DF_1_NODEFLIB
  bool debugEntry = false;                       // adds DT_DEBUG
  std::optional<uint8_t> osAbi;                  // EI_OSABI
  std::optional<bool> executableStack;           // PF_X of PT_GNU_STACK
  std::vector<std::string> clearSymbolVersions;  // dynamic symbols that lose their version
  std::vector<Renaming> renameSymbols;           // of the dynamic symbol table
  // The descriptor of the note NixOS/0x63a86cb6 (section .note.nixos.ldcache), in which nixpkgs'
  // glibc finds the locations of needed libraries. Changing what it depends on removes the note.
  std::optional<std::vector<uint8_t>> resolutionCache;
  // Clears the whole place that a string table moves away from, as patchelf does; names that
  // nothing refers to any more are cleared in any case.
  bool clearVacated = false;
  // The least alignment of an appended segment, a power of two; 0: the machine's largest page.
  uint64_t pageSize = 0;
  // If the change fits nowhere before a payload, it goes behind, and the payload is repeated behind
  // it; without this it is refused. A program that takes everything from an offset to the end of
  // the file for the payload then gets more.
  bool repeatPayload = false;
};

// The bytes to be written: sorted, disjoint, none empty, and none equal to what is already there.
struct Layout {
  std::vector<ByteRange> ranges;
  uint64_t oldSize = 0;
  uint64_t newSize = 0;
  // Where each thing went and why, one plain sentence each.
  std::vector<std::string> reasons;
  // What a program may not survive though it was asked for: reported even where reasons are not.
  std::optional<std::string> warning;

  [[nodiscard]] bool empty() const { return ranges.empty() && oldSize == newSize; }
  [[nodiscard]] uint64_t bytes() const;
};

// Plans the edits without touching anything. Fails with Unsupported, and the reason, if no layout
// is known to be safe; with NotElf, Truncated or Malformed if the file cannot be understood.
Result<Layout> layOut(const Source& source, const Edits& edits);

}  // namespace fixelf
