// Starts a program that reads files from strangers, with nothing of ours that it does not need.
//
// It keeps only the standard descriptors and no signal handler, gains no privilege by what it
// executes (no_new_privs), leaves no core dump, writes no file, and has limits on processor time
// and memory. Root becomes another user for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

struct Confinement {
  // The user that it becomes, without any group. None: our own.
  std::optional<uid_t> user;
  // Rounded up to seconds.
  std::chrono::milliseconds processorTime{};
  int output = -1;
  int errors = -1;
};

// Standard input is empty. `arguments` from argv[0]; `environment` is complete. The caller waits
// for the process, nothing else does. Fails if that user cannot execute the program, or if this
// process may not become that user, and with TooManyProcesses if either already has as many
// processes as allowed.
Result<pid_t> startConfined(const std::string& file, const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment,
                            const Confinement& confinement);

}  // namespace fixelf
