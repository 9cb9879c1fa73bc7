#include "edit/request.hpp"

#include <algorithm>

#include "edit/resolution_cache.hpp"

namespace fixelf {

namespace {

// The names in DT_NEEDED after these edits.
std::vector<std::string> neededAfter(const std::vector<std::string>& needed, const Edits& edits) {
  std::vector<std::string> after = edits.addNeeded;
  for (const std::string& name : needed) {
    if (std::ranges::find(edits.removeNeeded, name) != edits.removeNeeded.end()) continue;
    const auto last = std::find_if(edits.replaceNeeded.rbegin(), edits.replaceNeeded.rend(),
                                   [&](const Renaming& each) { return each.from == name; });
    after.push_back(last == edits.replaceNeeded.rend() ? name : last->to);
  }
  return after;
}

NoCache whyNone(const Facts& facts, const std::vector<std::string>& needed,
                const std::string& searchPath) {
  if (facts.dynamic != DynamicTable::Present) return NoCache::NoDynamicTable;
  return needed.empty() || searchPath.empty() ? NoCache::NothingToResolve : NoCache::NothingFound;
}

bool isSame(const std::vector<CachedResolution>& one, const std::vector<CachedResolution>& other) {
  return std::ranges::equal(one, other, [](const CachedResolution& a, const CachedResolution& b) {
    return a.soname == b.soname && a.places == b.places;
  });
}

}  // namespace

const char* noCacheName(NoCache why) {
  switch (why) {
    case NoCache::NoDynamicTable:
      return "no-dynamic-table";
    case NoCache::NothingToResolve:
      return "nothing-to-resolve";
    case NoCache::NothingFound:
      return "nothing-found";
  }
  return "nothing-found";
}

Result<RequestedEdits> editsFor(const EditRequest& request, const Facts& facts) {
  RequestedEdits asked{request.edits, std::nullopt, {}};
  if (request.searchPath)
    asked.edits.searchPath = changedSearchPath(*request.searchPath, facts, asked.reasons);
  if (!request.resolutionCache) return asked;

  const std::string present = presentSearchPath(facts).value_or("");
  const std::string& path = asked.edits.searchPath ? asked.edits.searchPath->value : present;
  const std::vector<std::string> needed = neededAfter(facts.needed, asked.edits);
  const std::vector<CachedResolution> cache = resolveNow(needed, path);
  // Changing what the note was made from removes the note.
  const bool goes = path != present || needed != facts.needed;
  const auto& outdated = facts.notes.resolutionCache;
  if (outdated && !goes && (cache.empty() || !isSame(*outdated, cache))) {
    return Error{ErrorCode::Unsupported,
                 "a resolution cache note is already present; rebuild from an unpatched binary",
                 facts.path, 0};
  }
  if (cache.empty()) {
    asked.noCache = whyNone(facts, needed, path);
  } else {
    asked.edits.resolutionCache = descriptorOf(cache);
  }
  return asked;
}

}  // namespace fixelf
