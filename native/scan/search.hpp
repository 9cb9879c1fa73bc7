// Search inside files: which store paths, interpreters and sonames are named in the bytes.
//
// A store path is searched as Nix does when it looks for references (libstore/references.cc): the
// contents of files, their names, and the targets of links. Files are read by pread into buffers
// that fit into a processor's own cache, not mapped: that is faster where page faults are slow, and
// a file that is truncated meanwhile causes an error instead of SIGBUS.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "scan/collection.hpp"
#include "scan/window.hpp"

namespace fixelf {

struct SearchOptions {
  std::string store = "/nix/store";
  // Those of the known store paths; they are found wherever they occur.
  HashSet hashes;
  Collection::Limits limits;
  // Ends it with Cancelled.
  std::stop_token stop;
  // 0: as many as there are processors, up to 8.
  unsigned threads = 0;
  // For tests; the results are the same.
  std::optional<InstructionSet> instructionSet;
  size_t windowSize = 256 << 10;  // bytes of the inner part
};

struct Found {
  Collection::Answer answer;
  // What could not be read below a directory; at most kMostFailures are kept.
  static constexpr size_t kMostFailures = 1000;
  std::vector<Error> failures;
  uint64_t moreFailures = 0;
  uint64_t files = 0;  // regular ones
  uint64_t bytes = 0;  // of their contents
};

// A file, a link (its target is not followed), or a directory and everything below it. The name of
// `path` itself is not searched. Fails if that itself cannot be read: NotFound, PermissionDenied,
// NotRegular, or Changed if the file was written to meanwhile; with Cancelled; and with
// LimitExceeded if the name of the store's directory is too long.
Result<Found> search(const std::string& path, SearchOptions options);

}  // namespace fixelf
