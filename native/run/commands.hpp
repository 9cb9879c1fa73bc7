// Many short-lived programs, a few at a time, and what each of them says.
//
// Each file that was changed is shown to its loader, and a loader is done in less time than Node
// takes to start a process. Here it is started (run/confined) by as many threads as keep the
// processors busy.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

struct Command {
  std::string file;                      // a path
  std::vector<std::string> arguments;    // from argv[1]
  std::vector<std::string> environment;  // all of it, as NAME=VALUE
  // What the program opens by their paths: it runs as the one user besides root whose hands they
  // are in (base/hands), which only root can become, and not at all where there are several.
  std::vector<std::string> subjects;
};

struct CommandEnd {
  std::optional<int> exitCode;  // none where a signal ended it, or it took too long
  std::string output;
  std::string errors;
};

// The answers are in the order of the commands. Standard input is empty. A program that takes
// longer than `patience`, or that says more than 1 MiB, is killed. So is one that runs when `stop`
// is requested: then the answer is Cancelled.
Result<std::vector<Result<CommandEnd>>> runAll(const std::vector<Command>& commands,
                                               std::chrono::milliseconds patience,
                                               const std::stop_token& stop);

}  // namespace fixelf
