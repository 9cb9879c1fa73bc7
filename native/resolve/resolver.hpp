// What many resolutions share: the files and loaders of a disk.
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "resolve/installed_loader.hpp"
#include "resolve/opening_program.hpp"
#include "resolve/resolution.hpp"

namespace fixelf {

// Safe for use by several threads.
class Resolver {
 public:
  explicit Resolver(Files& files) : files_(files) {}

  // Fails if the file itself cannot be read as ELF, is of a kind that is never loaded, or needs
  // more libraries than any real program; with TooManyOpenFiles if too few files could be opened to
  // tell.
  Result<Resolution> resolve(const std::string& path, const ResolveOptions& options);
  // On as many threads as there are processors; in the order of the paths. Fails with Cancelled.
  Result<std::vector<Result<Resolution>>> resolveAll(std::span<const std::string> paths,
                                                     const ResolveOptions& options,
                                                     const std::stop_token& stop);

 private:
  using Loader = std::shared_ptr<InstalledLoader>;

  Loader chooseInterpreter(const Facts& facts, const ResolveOptions& options,
                           Resolution& resolution);
  Loader loaderAt(const std::string& interpreter, const Facts& facts,
                  const ResolveOptions& options);

  // Null if no program opens the file, or that program cannot be resolved.
  std::shared_ptr<const OpeningProgram> openerOf(const Facts& module,
                                                 const ResolveOptions& options);

  // Where its loader also searches for what others need.
  SearchList rpathOf(const Resolution& program) const;

  Files& files_;
  Memo<std::string, Loader> loaders_;
  Memo<std::string, std::shared_ptr<const OpeningProgram>> openers_;
};

}  // namespace fixelf
