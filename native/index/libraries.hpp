// Which libraries store paths have: the names that a search of their library directories finds, and
// the facts of the files.
//
// In a store of a million files, some ten thousand have such a name. Nothing else is opened.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf {

struct LibraryName {
  std::string name;
  std::string path;  // below the store path
  // Without links, below the store path; none if links lead out of it, or nowhere.
  std::optional<std::string> real;
};

struct StorePathLibraries {
  std::vector<LibraryName> names;
  // The files that the names lead to, each once. `path` is the real one, below the store path.
  std::vector<Facts> elf;
  // False if the disk or a signal kept something from being read: it may succeed another time.
  bool complete = true;
};

// One for each of `storePaths`, which are names in the directory `store` as seen from `root` ("" is
// this machine). It is empty for what is not a directory, was just removed or may not be read; and
// a file that is not readable ELF has no facts. `facts`: whether they are wanted.
//
// This examines lib, lib64 and lib32, six directories deep, and links to directories of the same
// store path; a directory with several names counts under the first.
//
// Fails if the system has too few descriptors or too little memory: no answer is better than half
// of one; and with Cancelled, between two store paths, if `stop` is requested.
Result<std::vector<StorePathLibraries>> readLibraries(const std::string& root,
                                                      const std::string& store,
                                                      const std::vector<std::string>& storePaths,
                                                      bool facts, const std::stop_token& stop);

}  // namespace fixelf
