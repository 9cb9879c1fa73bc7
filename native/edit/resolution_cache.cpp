#include "edit/resolution_cache.hpp"

#include <unistd.h>

#include <map>

#include "edit/search_path.hpp"

namespace fixelf {

std::vector<CachedResolution> resolveNow(const std::vector<std::string>& needed,
                                         const std::string& searchPath) {
  std::map<std::string, std::string> places;
  for (const std::string& soname : needed) {
    // A name with a slash is opened as it is.
    if (soname.find('/') == soname.npos) places[soname];
  }
  for (const std::string& element : searchPathElements(searchPath)) {
    // glibc elf/dl-load.c, fillin_rpath: an empty one is the directory in which the program is
    // started.
    const std::string directory = element.empty() ? "." : element;
    const bool isSearched = !directory.starts_with('/') || directory.find('$') != directory.npos ||
                            access((directory + "/glibc-hwcaps").c_str(), F_OK) == 0;
    for (auto& [soname, found] : places) {
      const std::string file = directory + "/" + soname;
      if (!isSearched && access(file.c_str(), R_OK) != 0) continue;
      if (!found.empty()) found += ':';
      found += isSearched ? "?" + directory : "=" + file;
      // patchelf notes an empty one as it is, which glibc skips (decompose_rpath).
      if (element.empty()) found += ":?";
    }
  }
  std::vector<CachedResolution> cache;
  for (auto& [soname, found] : places)
    if (!found.empty()) cache.push_back({soname, std::move(found)});
  return cache;
}

std::vector<uint8_t> descriptorOf(const std::vector<CachedResolution>& cache) {
  std::vector<uint8_t> descriptor;
  const auto put = [&](const std::string& text) {
    descriptor.insert(descriptor.end(), text.begin(), text.end());
    descriptor.push_back(0);
  };
  for (const CachedResolution& cached : cache) {
    put(cached.soname);
    put(cached.places);
  }
  descriptor.push_back(0);
  return descriptor;
}

}  // namespace fixelf
