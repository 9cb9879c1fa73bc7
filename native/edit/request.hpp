// What may be requested for a file, and the edits that a request means for a file with given facts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edit/search_path.hpp"
#include "elf/facts.hpp"
#include "patch/edits.hpp"

namespace fixelf {

struct EditRequest {
  Edits edits;  // without a search path and a resolution cache
  std::optional<SearchPathChange> searchPath;
  // Write where the needed libraries then are to the note .note.nixos.ldcache.
  bool resolutionCache = false;
};

// Why a requested resolution cache is not written.
enum class NoCache { NoDynamicTable, NothingToResolve, NothingFound };

// As seen by JavaScript.
const char* noCacheName(NoCache why);

struct RequestedEdits {
  Edits edits;
  std::optional<NoCache> noCache;
  std::vector<std::string> reasons;
};

// Fails with Unsupported if a resolution cache is requested and an outdated one is there.
Result<RequestedEdits> editsFor(const EditRequest& request, const Facts& facts);

}  // namespace fixelf
