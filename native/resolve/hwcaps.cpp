#include "resolve/hwcaps.hpp"

#include <algorithm>
#include <utility>

#include "resolve/loader.hpp"

namespace fixelf {

namespace {

// _dl_important_hwcaps in elf/dl-hwcaps.c, before 2.37: every combination of "tls", AT_PLATFORM and
// the important bits of AT_HWCAP, the longest first, in the order of a binary countdown.
std::vector<std::string> legacyCombinations(const Processor& processor) {
  std::vector<std::string> parts = {"tls"};
  if (!processor.platform.empty()) parts.push_back(processor.platform);
  parts.insert(parts.end(), processor.capabilities.begin(), processor.capabilities.end());
  std::vector<std::string> combinations;
  for (size_t chosen = (size_t{1} << parts.size()) - 1; chosen > 0; --chosen) {
    std::string path;
    for (size_t part = 0; part < parts.size(); ++part) {
      const size_t bit = parts.size() - 1 - part;
      if ((chosen >> bit & 1) == 0) continue;
      if (!path.empty()) path += '/';
      path += parts[part];
    }
    combinations.push_back(std::move(path));
  }
  return combinations;
}

// What ldconfig marks such directories with: "tls" is bit 63; the others have their numbers in
// sysdeps/x86/dl-procinfo.c, platforms from 48 on. Those of other machines are not known here.
uint64_t legacyBits(const Processor& processor) {
  constexpr std::pair<const char*, unsigned> kBits[] = {
      {"sse2", 0}, {"x86_64", 1}, {"avx512_1", 2}, {"i686", 49}, {"haswell", 50}};
  uint64_t bits = uint64_t{1} << 63U;
  for (const auto& [name, bit] : kBits) {
    const bool capable = std::find(processor.capabilities.begin(), processor.capabilities.end(),
                                   name) != processor.capabilities.end();
    if (capable || (bit >= 48 && processor.platform == name)) bits |= uint64_t{1} << bit;
  }
  return bits;
}

}  // namespace

HardwareDirectories hardwareDirectories(const LoaderProfile& loader, const Processor& processor) {
  HardwareDirectories result;
  if (loader.libc == LoaderProfile::Musl) return result;
  // A processor that has one level has all that follow it in the loader's own list
  // (sysdeps/x86_64/dl-hwcaps_subdirs.c and its siblings for s390x and powerpc64le).
  const auto best =
      std::find(loader.hardwareLevels.begin(), loader.hardwareLevels.end(), processor.level);
  result.levels.assign(best, loader.hardwareLevels.end());
  for (const std::string& level : result.levels)
    result.subdirectories.push_back("glibc-hwcaps/" + level);
  if (loader.hasLegacyHwcaps()) {
    result.legacyBits = legacyBits(processor);
    for (std::string& combination : legacyCombinations(processor))
      result.subdirectories.push_back(std::move(combination));
  }
  return result;
}

}  // namespace fixelf
