#include "scan/mounts.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>
#include <string>
#include <string_view>

namespace fixelf {

namespace {

// As proc_pid_mountinfo(5) writes a path: Linux fs/proc_namespace.c, show_mountinfo.
std::string escaped(std::string_view path) {
  std::string text;
  for (const char character : path) {
    switch (character) {
      case ' ':
        text += "\\040";
        break;
      case '\t':
        text += "\\011";
        break;
      case '\n':
        text += "\\012";
        break;
      case '\\':
        text += "\\134";
        break;
      default:
        text += character;
    }
  }
  return text;
}

// The part of `line` that ends at the next space; both are removed from it.
std::string_view takeField(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

// The number of the mount that a descriptor is on; empty if it is not reported.
std::string mountOf(int descriptor) {
  std::ifstream told("/proc/self/fdinfo/" + std::to_string(descriptor));
  for (std::string key, value; told >> key >> value;) {
    if (key == "mnt_id:") return value;
  }
  return {};
}

}  // namespace

bool hasMountsBelow(int directory) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  if (length <= 0 || static_cast<size_t>(length) == path.size()) return true;
  std::string below = escaped({path.data(), static_cast<size_t>(length)});
  if (below.back() != '/') below += '/';

  // A directory of another mount namespace, or outside this process's root, is on none of the
  // listed mounts, and its path means nothing here (Linux fs/d_path.c).
  const std::string own = mountOf(directory);
  bool listed = false;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::string_view rest = line;
    listed = takeField(rest) == own || listed;
    for (int field = 0; field < 3; ++field)  // the mount above it, the device, the root
      takeField(rest);
    if (takeField(rest).starts_with(below)) return true;
  }
  return !listed;
}

}  // namespace fixelf
