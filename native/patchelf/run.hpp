// One invocation of patchelf: answers on stdout, messages on stderr.
#pragma once

#include <span>
#include <string>

namespace fixelf::patchelf {

// Does what patchelf does with these arguments, which exclude its name; returns its exit code.
int run(std::span<const std::string> words);

}  // namespace fixelf::patchelf
