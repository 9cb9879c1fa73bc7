#include "jump.hpp"

namespace fixelf::shim {

namespace {

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)

// Little-endian, as are all machines here.
std::uint32_t read32(const unsigned char* bytes) {
  std::uint32_t value = 0;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

#endif

#if defined(__x86_64__) || defined(__i386__)

constexpr unsigned char kReturn = 0xc3;
constexpr std::uint32_t kBranchTargets[] = {0xfa1e0ff3, 0xfb1e0ff3};  // endbr64, endbr32
// How what assemblers and linkers put between functions begins: gas's i386_align_code, lld's trap.
constexpr std::uint32_t kFillers[] = {
    0x0f2e6666, 0x1f0f2e66, 0x00841f0f, 0x00801f0f, 0x00441f0f, 0x00401f0f,
    0x0026b48d, 0x0000b68d, 0x0026748d, 0x90909090, 0xcccccccc,
};

template <std::size_t N>
bool isOneOf(std::uint32_t value, const std::uint32_t (&all)[N]) {
  for (const std::uint32_t each : all)
    if (each == value) return true;
  return false;
}

bool onlyReturns(const unsigned char* code) {
  if (code[0] == kReturn) return isOneOf(read32(code + 1), kFillers);
  return isOneOf(read32(code), kBranchTargets) && code[4] == kReturn;
}

#endif

}  // namespace

#if defined(__x86_64__) || defined(__i386__)

bool encodeJump(Word place, Word target, unsigned char* jump) {
  if (!onlyReturns(reinterpret_cast<const unsigned char*>(place))) return false;
  // Relative to the instruction's end.
  const auto distance = static_cast<std::intptr_t>(target - (place + kJumpSize));
  const auto stored = static_cast<std::int32_t>(distance);
  if (stored != distance) return false;
  jump[0] = 0xe9;  // jmp rel32
  __builtin_memcpy(jump + 1, &stored, sizeof stored);
  return true;
}

// Intel's manual, volume 3, section 8.1.3: a process that has not been at a place sees what is
// there.
void refreshCode(Word /*place*/) {}

#elif defined(__aarch64__)

bool encodeJump(Word place, Word target, unsigned char* jump) {
  constexpr std::uint32_t kReturn = 0xd65f03c0;  // ret
  if (read32(reinterpret_cast<const unsigned char*>(place)) != kReturn) return false;
  constexpr std::intptr_t kReach = std::intptr_t{1} << 27;  // of b, in bytes
  const auto distance = static_cast<std::intptr_t>(target - place);
  if (distance < -kReach || distance >= kReach) return false;
  const std::uint32_t branch =
      0x14000000 | ((static_cast<std::uint32_t>(distance) >> 2) & 0x03ffffff);
  __builtin_memcpy(jump, &branch, sizeof branch);
  return true;
}

// Arm's manual, section B2.7.4.2. What the compiler has for it is in libgcc.
void refreshCode(Word place) {
  asm volatile(
      "dc cvau, %0\n\t"
      "dsb ish\n\t"
      "ic ivau, %0\n\t"
      "dsb ish\n\t"
      "isb"
      :
      : "r"(place)
      : "memory");
}

#else

bool encodeJump(Word /*place*/, Word /*target*/, unsigned char* /*jump*/) {
  return false;
}

void refreshCode(Word /*place*/) {}

#endif

}  // namespace fixelf::shim
