#include "resolve/version_check.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostProblems = 20'000;

bool defines(const Facts& facts, const std::string& version) {
  return facts.versionBase == version ||
         std::find(facts.versionsDefined.begin(), facts.versionsDefined.end(), version) !=
             facts.versionsDefined.end();
}

}  // namespace

void checkVersions(const std::vector<Object>& objects, const std::vector<size_t>& order,
                   const std::unordered_map<std::string, size_t>& byName, Resolution& resolution) {
  for (const size_t index : order) {
    const Object& object = objects[index];
    for (const NeededVersions& needed : object.facts->versionsNeeded) {
      const auto provider = byName.find(needed.library);
      if (provider == byName.end()) continue;
      const Object& library = objects[provider->second];
      const Facts& facts = *library.facts;
      if (facts.versionsDefined.empty() && !facts.versionBase) {
        if (resolution.unversionedLibraries.size() >= kMostProblems) return;
        resolution.unversionedLibraries.push_back({needed.library, library.path, object.path});
        continue;
      }
      for (const NeededVersion& version : needed.versions) {
        if (defines(facts, version.name)) continue;
        if (resolution.versionProblems.size() >= kMostProblems) return;
        resolution.versionProblems.push_back(
            {version.name, needed.library, library.path, object.path, version.weak});
      }
    }
  }
}

}  // namespace fixelf
