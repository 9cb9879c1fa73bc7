#include "resolve/version_check.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostProblems = 20'000;

// _dl_check_map_versions looks at files that need versions, and libc.so.6 or one of its kind.
bool lacksRelrVersion(const Facts& facts) {
  if (!facts.packedRelocations || facts.versionsNeeded.empty()) return false;
  const bool needsLibc =
      std::any_of(facts.needed.begin(), facts.needed.end(),
                  [](const std::string& name) { return name.starts_with("libc.so."); });
  return needsLibc &&
         std::none_of(facts.versionsNeeded.begin(), facts.versionsNeeded.end(),
                      [](const NeededVersions& needed) {
                        return std::any_of(needed.versions.begin(), needed.versions.end(),
                                           [](const NeededVersion& version) {
                                             return version.name == "GLIBC_ABI_DT_RELR";
                                           });
                      });
}

}  // namespace

void checkVersions(const std::vector<Object>& objects, const std::vector<size_t>& order,
                   const LoadedObjects& byName, Resolution& resolution) {
  for (const size_t index : order) {
    const Object& object = objects[index];
    if (resolution.loader->checksPackedRelocations() && lacksRelrVersion(object.facts()))
      resolution.relrProblems.push_back(object.path);
    for (const auto& [name, versions] : object.names().versionsNeeded) {
      const auto provider = byName.find(name);
      if (provider == byName.end()) continue;
      const Object& library = objects[provider->second];
      if (library.names().versionsDefined.empty()) {
        if (resolution.unversionedLibraries.size() >= kMostProblems) return;
        resolution.unversionedLibraries.push_back({name, library.path, object.path});
        continue;
      }
      for (const auto& [version, weak] : versions) {
        if (library.names().defines(version)) continue;
        if (resolution.versionProblems.size() >= kMostProblems) return;
        resolution.versionProblems.push_back({version, name, library.path, object.path, weak});
      }
    }
  }
}

}  // namespace fixelf
