// What a shell command prints.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>

// Followed by "[failed]" if the command fails.
inline std::string output(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen";
  char buffer[4096];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    text.append(buffer, count);
  const int status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) text += "[failed]";
  return text;
}
