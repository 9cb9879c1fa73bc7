// patchelf's command line. Options and file names may be mixed; what is no option is a file name.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "patchelf/answers.hpp"
#include "patchelf/change.hpp"
#include "patchelf/changes.hpp"

namespace fixelf::patchelf {

// What one invocation asks of each of its files.
struct Request {
  std::vector<std::string> files;
  Questions questions;
  Changes changes;
  Destination destination;
  bool debug = false;
};

struct Help {
  bool asked = false;  // or else there are no arguments at all
};
struct Version {};

using Invocation = std::variant<Request, Help, Version>;

// Parses what follows `patchelf`, and reads the files that stand for values (@FILE) and the maps of
// names. Fails with Usage, or as reading does, in patchelf's words.
Result<Invocation> parse(std::span<const std::string> words);

// The changes that the words of auto-patchelf's --extra-args ask for, which are options without a
// file. Fails with Usage where they are something else.
Result<Changes> parseExtraArguments(std::span<const std::string> words);

}  // namespace fixelf::patchelf
