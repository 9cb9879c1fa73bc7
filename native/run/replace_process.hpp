// This process becomes another program, so that terminal, signals, exit status and streams are that
// program's own and need not be passed on.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

struct Replacing {
  std::string path;
  int descriptor = -1;                 // started instead of `path`, unless negative
  std::vector<std::string> arguments;  // from argv[0]; without NUL
  std::vector<std::string> variables;  // NAME=VALUE
  // Descriptors that the program is to get besides the standard ones.
  std::vector<int> inherited;
};

// Returns only on failure. The environment is the process's own with the variables set. What Node
// changed for itself is restored to what programs expect: SIGPIPE and SIGXFSZ end a process, no
// signal is blocked, the standard streams are blocking, and as many files may be open as in the
// parent process.
Error replaceProcess(const Replacing& replacing);

}  // namespace fixelf
