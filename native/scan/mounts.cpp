#include "scan/mounts.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <fstream>
#include <limits>
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

}  // namespace

bool hasMountsBelow(int directory) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  if (length <= 0 || static_cast<size_t>(length) == path.size() || path[0] != '/') return true;
  std::string below = escaped({path.data(), static_cast<size_t>(length)});
  if (below.back() != '/') below += '/';

  std::ifstream mounts("/proc/self/mountinfo");
  if (!mounts) return true;
  constexpr auto restOfLine = std::numeric_limits<std::streamsize>::max();
  std::string number;
  std::string parent;
  std::string device;
  std::string root;
  std::string mountPoint;
  while (mounts >> number >> parent >> device >> root >> mountPoint) {
    if (mountPoint.starts_with(below)) return true;
    mounts.ignore(restOfLine, '\n');
  }
  return !mounts.eof();
}

}  // namespace fixelf
