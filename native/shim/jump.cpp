#include "jump.hpp"

#include <asm/unistd.h>

#include "machine.hpp"

namespace fixelf::shim {

namespace {

// Little-endian, as all machines here are.
std::uint32_t read32(const unsigned char* bytes) {
  std::uint32_t value = 0;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

#if !defined(__x86_64__) && !defined(__i386__)

bool isWithin(std::intptr_t distance, std::intptr_t reach) {
  return distance >= -reach && distance < reach;
}

#endif

#if defined(__x86_64__) || defined(__i386__)

constexpr unsigned char kReturn = 0xc3;
constexpr std::uint32_t kBranchTargets[] = {0xfa1e0ff3, 0xfb1e0ff3};  // endbr64, endbr32
// How the filling that assemblers and linkers put between functions begins: gas's i386_align_code,
// lld's trap.
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

// Intel's manual, volume 3, section 8.1.3: a process that has not yet executed a place sees what is
// there.
void refreshCode(Word /*place*/) {}

#elif defined(__aarch64__)

bool encodeJump(Word place, Word target, unsigned char* jump) {
  constexpr std::uint32_t kReturn = 0xd65f03c0;  // ret
  if (read32(reinterpret_cast<const unsigned char*>(place)) != kReturn) return false;
  constexpr std::intptr_t kReach = std::intptr_t{1} << 27;  // of b, in bytes
  const auto distance = static_cast<std::intptr_t>(target - place);
  if (!isWithin(distance, kReach)) return false;
  const std::uint32_t branch =
      0x14000000 | ((static_cast<std::uint32_t>(distance) >> 2) & 0x03ffffff);
  __builtin_memcpy(jump, &branch, sizeof branch);
  return true;
}

// Arm's manual, section B2.7.4.2. The compiler's own function for it is in libgcc.
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

#elif defined(__arm__)

bool encodeJump(Word place, Word target, unsigned char* jump) {
  constexpr std::uint32_t kReturn = 0xe12fff1e;  // bx lr
  const bool isThumb = (place & 1) != 0;
  if (isThumb || read32(reinterpret_cast<const unsigned char*>(place)) != kReturn) return false;
  constexpr std::intptr_t kReach = std::intptr_t{1} << 25;  // of b, in bytes
  // Relative to the instruction after the next one.
  const auto distance = static_cast<std::intptr_t>(target - (place + 8));
  if (!isWithin(distance, kReach)) return false;
  const std::uint32_t branch =
      0xea000000 | ((static_cast<std::uint32_t>(distance) >> 2) & 0x00ffffff);
  __builtin_memcpy(jump, &branch, sizeof branch);
  return true;
}

namespace {

// bl, which stays in Thumb, and blx, which switches to Arm's other instruction set: Arm's manual,
// section F5.1.25, encodings T1 and T2. Each is two halfwords, stored in this order.
constexpr std::uint32_t kBranchLink = 0xd000f000;
constexpr std::uint32_t kBranchLinkExchange = 0xc000f000;

std::uint32_t thumbCall(std::uint32_t instruction, std::intptr_t distance) {
  const auto bits = static_cast<std::uint32_t>(distance);
  const std::uint32_t sign = (bits >> 24) & 1;
  const std::uint32_t j1 = ((bits >> 23) & 1) ^ sign ^ 1;
  const std::uint32_t j2 = ((bits >> 22) & 1) ^ sign ^ 1;
  const std::uint32_t first = (sign << 10) | ((bits >> 12) & 0x3ff);
  const std::uint32_t second = (j1 << 13) | (j2 << 11) | ((bits >> 1) & 0x7ff);
  return instruction | first | (second << 16);
}

}  // namespace

// This file's own functions are not Thumb code (machine/armv7l/machine.hpp).
bool encodeCall(Word place, Word function, Word target, unsigned char* call) {
  constexpr std::intptr_t kReach = std::intptr_t{1} << 24;
  const bool isThumb = (function & 1) != 0;
  const auto known = static_cast<std::intptr_t>((function & ~Word{1}) - (place + 4));
  if (!isThumb || !isWithin(known, kReach) ||
      read32(reinterpret_cast<const unsigned char*>(place)) != thumbCall(kBranchLink, known))
    return false;
  const auto distance = static_cast<std::intptr_t>(target - ((place + 4) & ~Word{3}));
  if (!isWithin(distance, kReach)) return false;
  const std::uint32_t branch = thumbCall(kBranchLinkExchange, distance);
  __builtin_memcpy(call, &branch, sizeof branch);
  return true;
}

void refreshCode(Word place) {
  const auto start = static_cast<long>(place & ~Word{3});
  systemCall(__ARM_NR_cacheflush, start, start + 8);
}

#elif defined(__riscv)

bool encodeJump(Word /*place*/, Word /*target*/, unsigned char* /*jump*/) {
  return false;
}

namespace {

constexpr std::uint32_t kJumpAndLink = 0x6f;  // jal
constexpr std::uint32_t kOpcode = 0x7f;
constexpr std::uint32_t kOpcodeAndRegister = 0xfff;

// The RISC-V manual, volume I, section 2.3, "J-type".
std::uint32_t immediate(std::intptr_t distance) {
  const auto bits = static_cast<std::uint32_t>(distance);
  return (((bits >> 20) & 1) << 31) | (((bits >> 1) & 0x3ff) << 21) | (((bits >> 11) & 1) << 20) |
         (((bits >> 12) & 0xff) << 12);
}

}  // namespace

bool encodeCall(Word place, Word function, Word target, unsigned char* call) {
  constexpr std::intptr_t kReach = std::intptr_t{1} << 20;
  const std::uint32_t found = read32(reinterpret_cast<const unsigned char*>(place));
  const auto known = static_cast<std::intptr_t>(function - place);
  const auto distance = static_cast<std::intptr_t>(target - place);
  if ((found & kOpcode) != kJumpAndLink || !isWithin(known, kReach) ||
      (found & ~kOpcodeAndRegister) != immediate(known) || !isWithin(distance, kReach))
    return false;
  const std::uint32_t branch = (found & kOpcodeAndRegister) | immediate(distance);
  __builtin_memcpy(call, &branch, sizeof branch);
  return true;
}

void refreshCode(Word place) {
  constexpr long kEveryThread = 0;
  systemCall(__NR_riscv_flush_icache, static_cast<long>(place), static_cast<long>(place + 4),
             kEveryThread);
}

#endif

#if !defined(__arm__) && !defined(__riscv)

bool encodeCall(Word /*place*/, Word /*function*/, Word /*target*/, unsigned char* /*call*/) {
  return false;
}

#endif

}  // namespace fixelf::shim
