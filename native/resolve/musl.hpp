// How musl's loader finds what a program needs: ldso/dynlink.c of 1.2.
#pragma once

#include "resolve/loading.hpp"

namespace fixelf {

class MuslLoading final : public Loading {
 public:
  MuslLoading(Files& files, InstalledLoader& loader, const OpeningProgram* opener,
              const ResolveOptions& options, Resolution& resolution)
      : Loading(files, loader, opener, options, resolution) {}

  Status run(const Lookup& program) override;

 protected:
  Verdict judge(const Lookup& lookup) const override { return judgeMusl(lookup, program_); }

 private:
  // load_library. `requester` is kNone for preloaded libraries, which have no lists of their own.
  void need(size_t requester, Interned name, const std::string& source);
  void open(Library& library, size_t requester);
  Step search(Library& library, size_t requester);
  const SearchList& rpathOf(size_t object);

  SearchList libraryPath_;
};

}  // namespace fixelf
