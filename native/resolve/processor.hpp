// What the loader asks of the processor that it runs on: which directories of optimised libraries
// it may use, and which instruction sets a library may require.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/format.hpp"

namespace fixelf {

struct Processor {
  // The best directory of glibc-hwcaps that it may use, such as "x86-64-v3"; empty for none.
  std::string level;
  // AT_PLATFORM, or what glibc makes of it (sysdeps/x86/cpu-features.c); empty if only the kernel
  // knows it.
  std::string platform;
  // The names of legacy directories for AT_HWCAP, the highest bit first (sysdeps/*/dl-procinfo.c).
  std::vector<std::string> capabilities;
};

// This machine's processor for its own programs; for others the least one of their machine.
Processor processorFor(const FileHeader& program);
// The least processor that has `level`, a name as in Processor::level or "baseline".
Processor processorOf(const FileHeader& program, const std::string& level);

// GNU_PROPERTY_X86_ISA_1_* bits (x86-64 psABI) that a processor of this level has; none for other
// machines.
std::optional<uint32_t> x86IsaBits(const Processor& processor, const FileHeader& program);

}  // namespace fixelf
