#include "patchelf/arguments.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "patchelf/failure.hpp"
#include "patchelf/name_map.hpp"
#include "patchelf/value_file.hpp"

namespace fixelf::patchelf {

namespace {

Error wrong(std::string message) {
  return failure(ErrorCode::Usage, std::move(message));
}

using Words = std::span<const std::string>;

struct Option {
  enum class Takes {
    Nothing,
    Word,
    Value,  // a word that may be @FILE: the content of FILE
    TwoWords,
  };
  std::string_view name;
  Takes takes;
  Status (*take)(Request&, Words);
};

template <auto Member>
Status setFlag(Request& request, Words /*words*/) {
  request.changes.*Member = true;
  return Done{};
}

template <auto Member>
Status setText(Request& request, Words words) {
  request.changes.*Member = words[0];
  return Done{};
}

template <auto Member>
Status addText(Request& request, Words words) {
  (request.changes.*Member).push_back(words[0]);
  return Done{};
}

template <Question question>
Status ask(Request& request, Words /*words*/) {
  request.questions.set(static_cast<size_t>(question));
  return Done{};
}

Status setPageSize(Request& request, Words words) {
  // What is not a number is 0, which check() refuses; so is a negative one.
  request.changes.pageSize = static_cast<uint64_t>(std::strtoll(words[0].c_str(), nullptr, 10));
  return Done{};
}

Status setAllowedPrefixes(Request& request, Words words) {
  request.changes.allowedRpathPrefixes = searchPathElements(words[0]);
  return Done{};
}

Status replaceNeeded(Request& request, Words words) {
  request.changes.replaceNeeded.push_back({words[0], words[1]});
  return Done{};
}

Status renameSymbols(Request& request, Words words) {
  return readNameMap(words[0], request.changes.renameDynamicSymbols);
}

Status clearExecutableStack(Request& request, Words /*words*/) {
  request.changes.execstack = false;
  return Done{};
}

// If both options are given, clearing wins.
Status setExecutableStack(Request& request, Words /*words*/) {
  if (!request.changes.execstack) request.changes.execstack = true;
  return Done{};
}

Status keepOldSections(Request& request, Words /*words*/) {
  request.changes.clobberOldSections = false;
  return Done{};
}

Status setOutput(Request& request, Words words) {
  request.destination.output = words[0];
  return Done{};
}

Status leaveUnflushed(Request& request, Words /*words*/) {
  request.destination.flush = Flush::Nothing;
  return Done{};
}

Status setDebug(Request& request, Words /*words*/) {
  request.debug = true;
  return Done{};
}

Status ignore(Request& /*request*/, Words /*words*/) {
  return Done{};
}

using enum Option::Takes;

constexpr std::array<Option, 32> kOptions{{
    {"--set-interpreter", Value, setText<&Changes::setInterpreter>},
    {"--interpreter", Value, setText<&Changes::setInterpreter>},
    {"--page-size", Word, setPageSize},
    {"--print-interpreter", Nothing, ask<Question::Interpreter>},
    {"--print-os-abi", Nothing, ask<Question::OsAbi>},
    {"--set-os-abi", Value, setText<&Changes::setOsAbi>},
    {"--print-soname", Nothing, ask<Question::Soname>},
    {"--set-soname", Value, setText<&Changes::setSoname>},
    {"--print-rpath", Nothing, ask<Question::Rpath>},
    {"--set-rpath", Value, setText<&Changes::setRpath>},
    {"--add-rpath", Value, setText<&Changes::addRpath>},
    {"--remove-rpath", Nothing, setFlag<&Changes::removeRpath>},
    {"--shrink-rpath", Nothing, setFlag<&Changes::shrinkRpath>},
    {"--allowed-rpath-prefixes", Word, setAllowedPrefixes},
    {"--force-rpath", Nothing, setFlag<&Changes::forceRpath>},
    {"--print-needed", Nothing, ask<Question::Needed>},
    {"--add-needed", Value, addText<&Changes::addNeeded>},
    {"--remove-needed", Value, addText<&Changes::removeNeeded>},
    {"--replace-needed", TwoWords, replaceNeeded},
    {"--no-default-lib", Nothing, setFlag<&Changes::noDefaultLib>},
    {"--clear-symbol-version", Value, addText<&Changes::clearSymbolVersion>},
    {"--rename-dynamic-symbols", Word, renameSymbols},
    {"--add-debug-tag", Nothing, setFlag<&Changes::addDebugTag>},
    {"--build-resolution-cache", Nothing, setFlag<&Changes::buildResolutionCache>},
    {"--print-execstack", Nothing, ask<Question::ExecutableStack>},
    {"--clear-execstack", Nothing, clearExecutableStack},
    {"--set-execstack", Nothing, setExecutableStack},
    {"--no-sort", Nothing, ignore},  // headers are never sorted
    {"--no-clobber-old-sections", Nothing, keepOldSections},
    {"--output", Value, setOutput},
    {"--no-flush", Nothing, leaveUnflushed},
    {"--debug", Nothing, setDebug},
}};

size_t wordsOf(Option::Takes takes) {
  return takes == Nothing ? 0 : takes == TwoWords ? 2 : 1;
}

// Takes the first option, with its words, and returns how many these are.
Result<size_t> takeOption(const Option& option, Words behind, Request& request) {
  const size_t count = wordsOf(option.takes);
  if (behind.size() < count) return wrong(count == 1 ? "missing argument" : "missing argument(s)");
  Words given = behind.first(count);
  std::string content;
  if (option.takes == Value && given[0].starts_with('@')) {
    auto read = readValue(given[0].substr(1));
    if (!read) return read.error();
    content = std::move(*read);
    given = Words(&content, 1);
  }
  if (Status status = option.take(request, given); !status) return status.error();
  return count;
}

Status checkRequest(Request& request) {
  if (request.files.empty()) return wrong("missing filename");
  if (Status status = check(request.changes); !status) return status;
  if (!request.destination.output.empty() && request.files.size() != 1)
    return wrong("--output option only allowed with single input file");
  // An invocation that asks both to print and to change the flag only prints it.
  if (request.questions[static_cast<size_t>(Question::ExecutableStack)])
    request.changes.execstack.reset();
  return Done{};
}

}  // namespace

Result<Invocation> parse(std::span<const std::string> words) {
  if (words.empty()) return Invocation(Help{false});
  Request request;
  for (size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--help" || word == "-h") return Invocation(Help{true});
    if (word == "--version") return Invocation(Version{});
    const auto* const option = std::ranges::find(kOptions, word, &Option::name);
    if (option == kOptions.end()) {
      request.files.push_back(word);
      continue;
    }
    const auto taken = takeOption(*option, words.subspan(at + 1), request);
    if (!taken) return taken.error();
    at += *taken;
  }
  if (Status status = checkRequest(request); !status) return status.error();
  return Invocation(std::move(request));
}

Result<Changes> parseExtraArguments(std::span<const std::string> words) {
  std::vector<std::string> all{"FILE"};
  all.insert(all.end(), words.begin(), words.end());
  auto invocation = parse(all);
  if (!invocation) return invocation.error();
  auto* const request = std::get_if<Request>(&*invocation);
  if (request == nullptr || request->questions.any())
    return wrong("--extra-args takes only options that change a file");
  if (request->files.size() > 1)
    return wrong("--extra-args takes no option of patchelf: " + request->files[1]);
  if (!request->destination.output.empty())
    return wrong("--extra-args does not take --output: each file is changed where it is");
  if (request->destination.flush != Flush::Content)
    return wrong("--extra-args does not take --no-flush: all files are flushed at once");
  return std::move(request->changes);
}

}  // namespace fixelf::patchelf
