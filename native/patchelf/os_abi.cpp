#include "patchelf/os_abi.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace fixelf::patchelf {

namespace {

struct OsAbi {
  std::string_view name;
  uint8_t value;
};

constexpr std::array<OsAbi, 12> kPrinted{{{"System V", 0},
                                          {"HP-UX", 1},
                                          {"NetBSD", 2},
                                          {"Linux", 3},
                                          {"GNU Hurd", 4},
                                          {"Solaris", 6},
                                          {"AIX", 7},
                                          {"IRIX", 8},
                                          {"FreeBSD", 9},
                                          {"Tru64", 10},
                                          {"OpenBSD", 12},
                                          {"OpenVMS", 13}}};
constexpr std::array<OsAbi, 5> kAlsoUnderstood{
    {{"system-v", 0}, {"sysv", 0}, {"gnu", 3}, {"gnu-hurd", 4}, {"hurd", 4}}};

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::string osAbiText(uint8_t value) {
  const auto* const known = std::ranges::find(kPrinted, value, &OsAbi::value);
  if (known != kPrinted.end()) return std::string(known->name);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'0', 'x', kDigits[value >> 4U], kDigits[value & 0xfU]};
}

std::optional<uint8_t> osAbiValue(const std::string& name) {
  constexpr const char* kBlanks = " \t\n\v\f\r";
  const size_t start = name.find_first_not_of(kBlanks);
  if (start == std::string::npos) return std::nullopt;
  const std::string_view wanted =
      std::string_view(name).substr(start, name.find_last_not_of(kBlanks) - start + 1);
  const auto isWanted = [&](const OsAbi& each) {
    return std::ranges::equal(each.name, wanted, {}, lower, lower);
  };
  for (const OsAbi& each : kPrinted)
    if (isWanted(each)) return each.value;
  for (const OsAbi& each : kAlsoUnderstood)
    if (isWanted(each)) return each.value;
  return std::nullopt;
}

}  // namespace fixelf::patchelf
