// How musl's loader finds what a program needs: ldso/dynlink.c of 1.2.
#pragma once

#include "resolve/loading.hpp"

namespace fixelf {

class MuslLoading final : public Loading {
 public:
  MuslLoading(Resolver& resolver, const ResolveOptions& options, Resolution& resolution)
      : Loading(resolver, options, resolution) {}

  Status run(std::shared_ptr<const Facts> program) override;

 protected:
  Verdict judge(const Lookup& lookup) const override { return judgeMusl(lookup, program_); }

 private:
  // load_library. `requester` is kNone for what is preloaded, which has no lists of its own.
  void need(size_t requester, const std::string& name, const std::string& source);
  void open(Library& library, size_t requester);
  Step search(Library& library, size_t requester);
  const SearchList& rpathOf(size_t object);

  SearchList libraryPath_;
};

}  // namespace fixelf
