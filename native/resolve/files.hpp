// What the resolver may know of the disk.
//
// A resolution asks for the same few hundred paths again and again, for this machine or for an
// image that is unpacked somewhere (--root). Everything it learns goes through here: paths are
// looked up as seen from the root, each file is read once, and a plan can put the facts it would
// leave in place of those on disk, so that it can be resolved before anything is written.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf {

struct Lookup {
  enum State { Missing, NotRegular, Unreadable, NotElf, Malformed, Elf };
  State state = Missing;
  std::string message;  // a plain sentence without the path; empty for Elf
  std::shared_ptr<const Facts> facts;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t mode = 0;          // st_mode
  bool tooManyLinks = false;  // ELOOP, at which glibc leaves a whole search list (open_path)
};

class Files {
 public:
  // "" and "/" mean this machine.
  explicit Files(std::string root);

  // From now on `hostDirectory` and what lies below it is taken from the host as it is: for a
  // program that is not part of the root. Not to be called while others look things up.
  void passThrough(const std::string& hostDirectory);

  // The path without symbolic links, "." and "..", as seen from the root.
  Result<std::string> realPath(const std::string& path) const;
  // Where the host can open it; the path under the root as it is written where it does not resolve.
  std::string hostPath(const std::string& path) const;
  // Relative paths start at the current directory, or at the root where there is one.
  std::string absolute(const std::string& path) const;

  // The answer stays valid until the next replace() of the file, or of one that is not there.
  const Lookup& look(const std::string& path);
  bool directoryExists(const std::string& path);
  // A whole small file: a loader, its cache. Null where it cannot be read or exceeds 64 MiB.
  std::shared_ptr<const std::vector<uint8_t>> content(const std::string& path);

  // The facts as a plan would leave them. Not to be called while others look things up.
  void replace(const std::string& path, Facts facts);

 private:
  Result<std::string> walk(const std::string& path) const;
  std::string underRoot(const std::string& path) const;
  const std::string* passThroughAbove(const std::string& path) const;
  // `real` gets the path without links where there is one.
  Lookup read(const std::string& path, std::string& real) const;

  std::string root_;  // a real path; empty for this machine
  std::vector<std::string> passThrough_;
  std::mutex mutex_;
  std::unordered_map<std::string, Lookup> lookups_;
  std::unordered_map<std::string, std::vector<std::string>> names_;  // in lookups_, by real path
  std::unordered_map<std::string, bool> directories_;
  std::unordered_map<std::string, std::shared_ptr<const std::vector<uint8_t>>> contents_;
  std::unordered_map<std::string, std::shared_ptr<const Facts>> replaced_;  // by real path
};

}  // namespace fixelf
