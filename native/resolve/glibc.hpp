// How glibc's loader finds what a program needs: elf/dl-load.c, elf/dl-deps.c and elf/rtld.c. The
// rules are those of 2.26 to 2.43; where they changed, the loader's own version decides.
#pragma once

#include "resolve/loading.hpp"

namespace fixelf {

class GlibcLoading final : public Loading {
 public:
  GlibcLoading(Resolver& resolver, const ResolveOptions& options, Resolution& resolution)
      : Loading(resolver, options, resolution) {}

  Status run(std::shared_ptr<const Facts> program) override;

 protected:
  Verdict judge(const Lookup& lookup) const override;

 private:
  void preload();
  // Everything that one object needs, in the order of its dynamic table.
  void needAll(size_t object);
  // _dl_map_object: the object that now has the name, or kNone. `source` says who preloads it.
  size_t need(size_t requester, const std::string& written, const std::string& source,
              LibraryKind kind);
  size_t open(Library& library, size_t requester, const std::string& name);
  // _dl_map_new_object, for a name without a slash. Whatever it does not find is NextPlace.
  Step search(Library& library, size_t requester, const std::string& name);

  [[nodiscard]] bool inDefaultDirectory(const std::string& path) const;
  [[nodiscard]] TokenValues tokensOf(size_t object) const;
  const SearchList& rpathOf(size_t object);
  const SearchList& runpathOf(size_t object);
  void checkIsaLevels();

  bool preloading_ = false;
  bool setUserIdOnly_ = false;  // no other library may be taken
  std::shared_ptr<const LoaderCache> cache_;
  SearchList libraryPath_;
};

}  // namespace fixelf
