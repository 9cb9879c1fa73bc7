// What many resolutions share: loaders, their caches, which directories exist.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolve/cache.hpp"
#include "resolve/resolution.hpp"

namespace fixelf {

// Safe for use by several threads.
class Resolver {
 public:
  explicit Resolver(Files& files) : files_(files) {}

  [[nodiscard]] Files& files() const { return files_; }

  // Fails where the file itself cannot be read as ELF, is of no kind that is ever loaded, or needs
  // more libraries than anybody has.
  Result<Resolution> resolve(const std::string& path, const ResolveOptions& options);

  // For the resolution that is under way.
  std::shared_ptr<const LoaderCache> cacheOf(const LoaderProfile& loader,
                                             const FileHeader& program);
  // The places in which a library is looked for where a list names `directory`, best first, each
  // with a slash at the end. None where the directory is not there.
  const std::vector<std::string>& placesIn(const LoaderProfile& loader,
                                           const std::string& directory);

 private:
  void chooseInterpreter(const Facts& facts, const ResolveOptions& options, Resolution& resolution);
  std::shared_ptr<const LoaderProfile> profileOf(const std::string& interpreter, const Facts& facts,
                                                 const ResolveOptions& options);

  Files& files_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const LoaderProfile>> profiles_;
  std::unordered_map<std::string, std::shared_ptr<const LoaderCache>> caches_;
  std::unordered_map<std::string, std::vector<std::string>> places_;
};

}  // namespace fixelf
