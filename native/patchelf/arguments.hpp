// patchelf's command line. Options and file names may be mixed; whatever is not an option is a file
// name.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "patchelf/answers.hpp"
#include "patchelf/change.hpp"
#include "patchelf/changes.hpp"

namespace fixelf::patchelf {

// What one invocation asks for each of its files.
struct Request {
  std::vector<std::string> files;
  Questions questions;
  Changes changes;
  Destination destination;
  bool debug = false;
};

struct Help {
  bool asked = false;  // false: there are no arguments at all
};
struct Version {};

using Invocation = std::variant<Request, Help, Version>;

// Parses what follows `patchelf`, and reads the files that values are taken from (@FILE) and the
// maps of names. Fails with Usage, or as reading does, in patchelf's words.
Result<Invocation> parse(std::span<const std::string> words);

// The changes requested by auto-patchelf's --extra-args, whose words are options without a file.
// Fails with Usage if they are not.
Result<Changes> parseExtraArguments(std::span<const std::string> words);

}  // namespace fixelf::patchelf
