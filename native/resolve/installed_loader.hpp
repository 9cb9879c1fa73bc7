// One loader on a disk, and what has been learnt from it: where it looks, and what its cache holds.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "resolve/bindings.hpp"
#include "resolve/cache.hpp"
#include "resolve/loader.hpp"

namespace fixelf {

// Safe for use by several threads.
class InstalledLoader {
 public:
  // For programs with a header like `program`'s.
  InstalledLoader(Files& files, LoaderProfile profile, const FileHeader& program);

  [[nodiscard]] const LoaderProfile& profile() const { return profile_; }

  // The places in which a library is looked for when a list names `directory`, best first, each
  // with a trailing slash. None if the directory does not exist.
  const std::vector<std::string>& placesIn(const std::string& directory);
  // What ld.so.cache has for a name; none if it has nothing.
  Interned cached(Interned name);
  // Where the symbols of an object were found before.
  template <class Make>
  const Bindings& bindings(Interned object, bool bindNow, Make make) {
    return bindings_[bindNow ? 1 : 0].of(object, make);
  }
  // The path of ld.so.cache.
  [[nodiscard]] Interned cachePath() const { return cachePath_; }

 private:
  // Whether a missing directory ends the search.
  [[nodiscard]] bool stopsAt(const std::string& directory) const;

  Files& files_;
  LoaderProfile profile_;
  Interned cachePath_;
  LoaderCache cache_;
  Memo<std::string, std::vector<std::string>> places_;
  Memo<Interned, Interned> cached_;
  std::array<Memo<Interned, Bindings>, 2> bindings_;
};

}  // namespace fixelf
