// How glibc's loader finds what a program needs: elf/dl-load.c, elf/dl-deps.c and elf/rtld.c. The
// rules are those of 2.26 to 2.43; where they changed, the loader's own version decides.
#pragma once

#include "resolve/loading.hpp"

namespace fixelf {

class GlibcLoading final : public Loading {
 public:
  GlibcLoading(Files& files, InstalledLoader& loader, const OpeningProgram* opener,
               const ResolveOptions& options, Resolution& resolution)
      : Loading(files, loader, opener, options, resolution) {}

  Status run(const Lookup& program) override;

 protected:
  Verdict judge(const Lookup& lookup) const override;

 private:
  void preload();
  // Everything that one object needs, in the order of its dynamic table.
  void needAll(size_t object);
  // _dl_map_object: the object that now has the name, or kNone. `source` is what preloads it.
  size_t need(size_t requester, Interned written, const std::string& source, LibraryKind kind);
  [[nodiscard]] bool isUnreadInterpreter(const std::string& name) const;
  size_t open(Library& library, size_t requester, Interned name);
  // _dl_map_new_object, for a name without a slash. NextPlace if it finds nothing.
  Step search(Library& library, size_t requester, Interned name);

  [[nodiscard]] bool inDefaultDirectory(const std::string& path) const;
  TokenValues tokensOf(size_t object);
  const SearchList& rpathOf(size_t object);
  const SearchList& runpathOf(size_t object);
  void checkIsaLevels();

  bool preloading_ = false;
  bool needsVdso_ = false;      // whose symbols are not known
  bool setUserIdOnly_ = false;  // no other library may be taken
  SearchList libraryPath_;
};

}  // namespace fixelf
