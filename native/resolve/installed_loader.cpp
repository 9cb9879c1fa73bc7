#include "resolve/installed_loader.hpp"

#include <cerrno>

namespace fixelf {

InstalledLoader::InstalledLoader(Files& files, LoaderProfile profile, const FileHeader& program)
    : files_(files),
      profile_(std::move(profile)),
      cachePath_(files.interned(profile_.cachePath)),
      cache_(profile_.cachePath.empty() ? nullptr : files.content(profile_.cachePath), program,
             profile_.hardware, x86IsaBits(profile_.processor, program)) {}

const std::vector<std::string>& InstalledLoader::placesIn(const std::string& directory) {
  return places_.of(directory, [&] {
    std::vector<std::string> places;
    if (!files_.directoryExists(directory) && !stopsAt(directory)) return places;
    const std::string start = directory == "/" ? directory : directory + "/";
    for (const std::string& subdirectory : profile_.hardware.subdirectories) {
      if (files_.directoryExists(start + subdirectory.substr(0, subdirectory.find('/'))) &&
          files_.directoryExists(start + subdirectory)) {
        places.push_back(start + subdirectory + "/");
      }
    }
    places.push_back(start);
    return places;
  });
}

// musl's path_open goes on for each error that a directory can cause, except for a circle of links;
// glibc's open_path has tried the directory itself before.
bool InstalledLoader::stopsAt(const std::string& directory) const {
  if (profile_.libc != LoaderProfile::Musl) return false;
  const auto real = files_.realPath(directory);
  return !real && real.error().systemError == ELOOP;
}

Interned InstalledLoader::cached(Interned name) {
  return cached_.of(name, [&] {
    const auto path = cache_.find(*name);
    return path ? files_.interned(*path) : Interned();
  });
}

}  // namespace fixelf
