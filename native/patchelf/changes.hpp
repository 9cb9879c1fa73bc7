// What patchelf's options change in a file, by the options' names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edit/request.hpp"

namespace fixelf::patchelf {

struct Changes {
  std::optional<std::string> setInterpreter;  // an empty one asks for nothing
  std::optional<std::string> setOsAbi;        // EI_OSABI by name
  std::optional<std::string> setSoname;
  // Shrinking comes before removing, and both before the others.
  std::optional<std::string> setRpath;  // colon-separated
  std::optional<std::string> addRpath;  // colon-separated
  bool removeRpath = false;
  bool shrinkRpath = false;
  std::vector<std::string> allowedRpathPrefixes;
  bool forceRpath = false;
  std::vector<std::string> addNeeded;
  std::vector<std::string> removeNeeded;
  std::vector<Renaming> replaceNeeded;
  bool noDefaultLib = false;
  std::vector<std::string> clearSymbolVersion;
  std::vector<Renaming> renameDynamicSymbols;
  bool addDebugTag = false;
  bool buildResolutionCache = false;
  std::optional<bool> execstack;
  std::optional<uint64_t> pageSize;
  bool clobberOldSections = true;
};

// Fails with Usage if two of them cannot be combined, or a page size is not one: a segment's
// alignment is a power of two (gABI, p_align), here at most 1 GiB.
Status check(const Changes& changes);

// Whether anything is to be changed at all; the other fields only determine how.
bool asksForChange(const Changes& changes);

// What the changes mean for a file with these facts, or none if that is nothing. `passedOver` gets
// a sentence for each thing that patchelf skips silently. Fails with Unsupported, in patchelf's
// words, if the file lacks what is to be changed.
Result<std::optional<EditRequest>> requestFor(const Changes& changes, const Facts& facts,
                                              std::vector<std::string>& passedOver);

}  // namespace fixelf::patchelf
