#include "resolve/processor.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace fixelf {

namespace {

constexpr std::array kX86Levels = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};

#if defined(__x86_64__) || defined(__i386__)

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf) {
  Registers result;
  __get_cpuid_count(leaf, 0, &result.a, &result.b, &result.c, &result.d);
  return result;
}

bool all(uint32_t word, uint32_t bits) {
  return (word & bits) == bits;
}

struct Features {
  int level = 1;  // of the x86-64 psABI
  bool intel = false;
  bool haswell = false;  // what glibc's cpu-features.c calls by that name
  bool avx512 = false;   // AVX512CD, BW, DQ and VL
};

// x86-64 psABI, "Microarchitecture levels"; a level counts only if the kernel saves its registers
// (XCR0), as in glibc's sysdeps/x86/cpu-features.c.
Features featuresOfThisMachine() {
  Features features;
  const Registers vendor = cpuid(0);
  features.intel = vendor.b == signature_INTEL_ebx && vendor.d == signature_INTEL_edx &&
                   vendor.c == signature_INTEL_ecx;
  const Registers one = cpuid(1);
  const Registers seven = cpuid(7);
  const Registers extended = cpuid(0x80000001);
  uint32_t saved = 0;  // XCR0
  if ((one.c & bit_OSXSAVE) != 0) {
    uint32_t high = 0;
    asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  }
  const bool v2 =
      all(one.c, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT) &&
      all(extended.c, bit_LAHF_LM);
  const bool ymm = all(saved, 0x6);
  const bool zmm = all(saved, 0xe6);
  const bool v3 = v2 && ymm && all(one.c, bit_AVX | bit_F16C | bit_FMA | bit_MOVBE) &&
                  all(seven.b, bit_AVX2 | bit_BMI | bit_BMI2) && all(extended.c, bit_LZCNT);
  const bool wide =
      zmm && all(seven.b, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL);
  features.level = v3 && wide ? 4 : v3 ? 3 : v2 ? 2 : 1;
  features.haswell = ymm && all(seven.b, bit_AVX2 | bit_BMI | bit_BMI2) &&
                     all(extended.c, bit_LZCNT) && all(one.c, bit_MOVBE | bit_POPCNT | bit_FMA);
  features.avx512 = wide;
  return features;
}

#endif

Processor least(const FileHeader& program) {
  Processor processor;
  switch (program.machine) {
    case EM_X86_64:
      processor.platform = "x86_64";
      processor.capabilities = {"x86_64"};
      break;
    case EM_386:
      processor.platform = "i686";
      processor.capabilities = {"sse2"};
      break;
    case EM_AARCH64:
      processor.platform = program.byteOrder == ByteOrder::Little ? "aarch64" : "aarch64_be";
      break;
    default:
      break;
  }
  return processor;
}

}  // namespace

Processor processorFor(const FileHeader& program) {
  Processor processor = least(program);
#if defined(__x86_64__) || defined(__i386__)
  if (program.machine != EM_X86_64) return processor;
  // Never destroyed: other threads may be here while the process exits.
  static const auto& features = *new Features(featuresOfThisMachine());
  if (features.level > 1) processor.level = kX86Levels.at(static_cast<size_t>(features.level) - 2);
  // Only on Intel's processors, by glibc's own decision.
  if (features.intel && features.haswell) processor.platform = "haswell";
  if (features.intel && features.avx512) processor.capabilities = {"avx512_1", "x86_64"};
#endif
  return processor;
}

Processor processorOf(const FileHeader& program, const std::string& level) {
  Processor processor = least(program);
  if (level != "baseline") processor.level = level;
  return processor;
}

std::optional<uint32_t> x86IsaBits(const Processor& processor, const FileHeader& program) {
  if (program.machine != EM_X86_64 && program.machine != EM_386) return std::nullopt;
  const auto* const found = std::find(kX86Levels.begin(), kX86Levels.end(), processor.level);
  // GNU_PROPERTY_X86_ISA_1_BASELINE is bit 0, V2 bit 1, and so on.
  const size_t level = found == kX86Levels.end()
                           ? 1
                           : static_cast<size_t>(std::distance(kX86Levels.begin(), found)) + 2;
  return (1U << level) - 1;
}

}  // namespace fixelf
