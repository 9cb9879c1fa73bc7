// Many short-lived programs, a few at a time, and what each of them prints.
//
// Each changed file is shown to its loader, and a loader is done in less time than Node takes to
// start a process. Here it is started (run/confined) by as many threads as keep the processors
// busy.
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
  // What the program opens by path: it runs as the one user besides root whose hands these files
  // are in (base/hands), which only root can become, and not at all if there are several.
  std::vector<std::string> subjects;
};

struct CommandEnd {
  std::optional<int> exitCode;  // none if a signal ended it, or it took too long
  std::string output;
  std::string errors;
};

// The answers are in the order of the commands. Standard input is empty. A program that takes
// longer than `patience`, or prints more than 1 MiB, is killed. So is one that is running when
// `stop` is requested: the answer is then Cancelled.
Result<std::vector<Result<CommandEnd>>> runAll(const std::vector<Command>& commands,
                                               std::chrono::milliseconds patience,
                                               const std::stop_token& stop);

}  // namespace fixelf
