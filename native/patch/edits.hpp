// What is asked of a file, and which bytes that changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/source.hpp"

namespace fixelf {

// DT_RUNPATH is searched for a file's own needs only; DT_RPATH also for those of every library
// below it that has no DT_RUNPATH (glibc elf/dl-load.c, _dl_map_new_object).
enum class SearchPathTag { Runpath, Rpath };

struct Edits {
  std::optional<std::string> interpreter;
  struct SearchPath {
    std::string value;  // colon-separated; empty removes DT_RPATH and DT_RUNPATH
    SearchPathTag tag = SearchPathTag::Runpath;
  };
  std::optional<SearchPath> searchPath;
};

// The bytes to be written: sorted, disjoint, none empty, and none equal to what is there already.
struct Layout {
  std::vector<ByteRange> ranges;
  uint64_t oldSize = 0;
  uint64_t newSize = 0;
  // Where each thing went and why there, one plain sentence each.
  std::vector<std::string> reasons;

  [[nodiscard]] bool empty() const { return ranges.empty() && oldSize == newSize; }
  [[nodiscard]] uint64_t bytes() const;
};

// Plans the edits without touching anything. Fails with Unsupported, and says why, where no layout
// is known to be safe; with NotElf, Truncated or Malformed where the file cannot be understood.
Result<Layout> layOut(const Source& source, const Edits& edits);

}  // namespace fixelf
