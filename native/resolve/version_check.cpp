#include "resolve/version_check.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostProblems = 20'000;

// _dl_check_map_versions examines files that need versions, and need libc.so.6 or one of its kind.
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

// Whether a library is neither needed by any object, found or not, nor the loader itself: glibc
// asserts that there is one (elf/dl-version.c, find_needed).
bool isAbsent(Interned name, const Resolution& resolution) {
  if (resolution.loader->libc != LoaderProfile::Glibc || !resolution.interpreterFound) return false;
  if (resolution.loader->path.ends_with("/" + *name)) return false;
  return std::none_of(resolution.libraries.begin(), resolution.libraries.end(),
                      [&](const Library& library) { return library.soname == name; });
}

std::string unsupported(uint16_t form, const char* record) {
  return "its loader says: unsupported version " + std::to_string(form) + " of " + record +
         " record";
}

}  // namespace

void checkVersions(Files& files, const std::vector<Object>& objects,
                   const std::vector<size_t>& order, const LoadedObjects& byName,
                   Resolution& resolution) {
  const auto problem = [&](const Object& object, const std::string& why) {
    if (resolution.loadProblems.size() < kMostProblems)
      resolution.loadProblems.push_back({object.path, files.interned(why), false});
  };
  for (const size_t index : order) {
    const Object& object = objects[index];
    if (resolution.loader->checksPackedRelocations() && lacksRelrVersion(object.facts()))
      resolution.relrProblems.push_back(object.path);
    // Only the form of the first record; for definitions, up to the one that is looked for.
    const std::vector<NeededVersions>& records = object.facts().versionsNeeded;
    if (!records.empty() && records.front().form != VER_NEED_CURRENT) {
      problem(object, unsupported(records.front().form, "Verneed"));
      continue;
    }
    for (const auto& [name, versions] : object.names().versionsNeeded) {
      const auto provider = byName.find(name);
      if (provider == byName.end()) {
        if (!isAbsent(name, resolution)) continue;
        problem(object, "it needs symbol versions of " + *name +
                            ", which nothing here needs: its loader stops (`needed != NULL')");
        continue;
      }
      const Object& library = objects[provider->second];
      if (library.names().versionsDefined.empty()) {
        if (resolution.unversionedLibraries.size() >= kMostProblems) return;
        resolution.unversionedLibraries.push_back({name, library.path, object.path});
        continue;
      }
      if (const uint16_t form = library.facts().versionsDefinedForm; form != VER_DEF_CURRENT) {
        problem(library, unsupported(form, "Verdef"));
        continue;
      }
      for (const auto& [version, weak, hashed] : versions) {
        if (!hashed && library.names().defines(version)) {
          problem(object,
                  "it needs the version " + *version + " of " + *name +
                      " under another name's hash, so that its loader does not find it (the "
                      "name was edited by hand)");
          continue;
        }
        if (library.names().defines(version)) continue;
        if (resolution.versionProblems.size() >= kMostProblems) return;
        resolution.versionProblems.push_back({version, name, library.path, object.path, weak});
      }
    }
  }
}

}  // namespace fixelf
