// Changing one file as patchelf's options specify, and where the result goes. patchelf opens the
// file itself, or that of --output, and overwrites what is there; here the same files are refused
// and get the same modes, but the new content is put in place whole.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "edit/edit.hpp"
#include "patchelf/changes.hpp"

namespace fixelf::patchelf {

struct Outcome {
  bool changed = false;
  // What is skipped silently, and where each thing went; one plain sentence each.
  std::vector<std::string> reasons;
  std::optional<NoCache> noCache;
  uint64_t oldSize = 0;  // bytes
  uint64_t newSize = 0;
  std::optional<std::string> warning;
};

struct Destination {
  std::string output;  // also made if nothing is to be changed; empty is the file itself
  // patchelf flushes nothing, and no caller waits for it to have the name on disk.
  Flush flush = Flush::Content;
};

// `facts` are the file's.
Result<Outcome> change(const std::string& file, const Facts& facts, const Changes& changes,
                       const Destination& destination, const std::stop_token& stop = {});

// Only the plan, for callers that write many files at once. No component of the path may be a
// symbolic link.
Result<PlannedEdit> plan(const std::string& path, const Changes& changes,
                         const std::stop_token& stop = {});

}  // namespace fixelf::patchelf
