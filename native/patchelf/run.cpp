#include "patchelf/run.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "base/descriptor.hpp"
#include "base/printable.hpp"
#include "patchelf/arguments.hpp"
#include "patchelf/change.hpp"
#include "patchelf/damage.hpp"
#include "patchelf/failure.hpp"
#include "patchelf/help.hpp"
#include "patchelf/parts.hpp"

namespace fixelf::patchelf {

namespace {

// The version whose options, output and exit codes these are.
constexpr std::string_view kVersion = "patchelf 0.19.0\n";

void print(int descriptor, std::string_view text, Status& status) {
  // A reader that has closed its pipe has seen enough.
  if (!writeStream(descriptor, text) && errno != EPIPE) status = systemFailure(errno, "write");
}

void say(std::string_view text) {
  Status ignored = Done{};
  print(STDERR_FILENO, printable(text) + "\n", ignored);
}

// For patchelf this is not a failure.
const char* noCacheReason(NoCache why) {
  switch (why) {
    case NoCache::NoDynamicTable:
      return "no dynamic section (statically linked?)";
    case NoCache::NothingToResolve:
      return "no DT_NEEDED entries or run path to resolve";
    case NoCache::NothingFound:
      return "no libraries resolved against the run path";
  }
  return "";
}

Status printAnswers(const Questions& questions, const Facts& facts) {
  std::vector<std::string> lines;
  Status status = answer(questions, facts, lines);
  std::string text;
  for (const std::string& line : lines)
    text += line + "\n";
  Status printed = Done{};
  print(STDOUT_FILENO, text, printed);
  return status ? printed : status;
}

Status patch(const std::string& file, const Request& request, bool debugging) {
  const auto debug = [&](const std::string& text) {
    if (debugging) say(text);
  };
  if (request.questions.none()) debug("patching ELF file '" + file + "'");
  const auto source = openFile(file);
  if (!source) return source.error();
  for (const std::string& damage : damageOf(**source, request))
    say("warning: " + damage);
  const auto facts = readElf(**source, file);
  if (!facts) return facts.error();
  if (Status status = printAnswers(request.questions, *facts); !status) return status;
  if (!asksForChange(request.changes) && request.destination.output.empty()) return Done{};
  const auto outcome = change(file, *facts, request.changes, request.destination);
  if (!outcome) return outcome.error();
  for (const std::string& reason : outcome->reasons)
    debug(reason);
  if (outcome->noCache) {
    say(std::string("warning: --build-resolution-cache: ") + noCacheReason(*outcome->noCache) +
        "; no cache written");
  }
  if (outcome->warning) say("warning: " + *outcome->warning);
  const std::string& output = request.destination.output;
  const std::string& written = output.empty() ? file : output;
  debug(outcome->changed ? "writing " + written : "not modified");
  return Done{};
}

Status follow(Request request) {
  const bool debugging = request.debug || std::getenv("PATCHELF_DEBUG") != nullptr;
  // Scripts that call patchelf with its own options can ask for it this way.
  if (std::getenv("PATCHELF_NO_FLUSH") != nullptr) request.destination.flush = Flush::Nothing;
  for (const std::string& file : request.files)
    if (Status status = patch(file, request, debugging); !status) return status;
  return Done{};
}

Status follow(const Invocation& invocation) {
  Status status = Done{};
  if (const auto* request = std::get_if<Request>(&invocation)) {
    status = follow(*request);
  } else if (std::holds_alternative<Version>(invocation)) {
    print(STDOUT_FILENO, kVersion, status);
  } else {
    print(STDERR_FILENO, kHelp, status);
  }
  return status;
}

int fail(const Error& error) {
  say("patchelf: " + messageOf(error));
  return 1;
}

}  // namespace

int run(std::span<const std::string> words) {
  try {
    const auto invocation = parse(words);
    if (!invocation) return fail(invocation.error());
    if (Status status = follow(*invocation); !status) return fail(status.error());
    const auto* help = std::get_if<Help>(&*invocation);
    return help != nullptr && !help->asked ? 1 : 0;
  } catch (const std::bad_alloc&) {
    return fail(failure(ErrorCode::LimitExceeded, "there is not enough memory"));
  }
}

}  // namespace fixelf::patchelf
