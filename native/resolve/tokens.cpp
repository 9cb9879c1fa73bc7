#include "resolve/tokens.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kLongestExpansion = 65'536;  // of an expanded path

// The length of a token such as ORIGIN or {ORIGIN} at the start of `text`, 0 if it is another
// (is_dst in elf/dl-load.c).
size_t tokenLength(std::string_view text, std::string_view name) {
  const bool braces = text.starts_with('{');
  if (braces) text.remove_prefix(1);
  if (!text.starts_with(name)) return 0;
  const char after = text.size() > name.size() ? text[name.size()] : '\0';
  if (braces) return after == '}' ? name.size() + 2 : 0;
  const bool longer = (after >= 'A' && after <= 'Z') || (after >= 'a' && after <= 'z') ||
                      (after >= '0' && after <= '9') || after == '_';
  return longer ? 0 : name.size();
}

// is_trusted_path_normalize: "." and ".." are removed without consulting the disk.
bool leadsTo(const std::vector<std::string>& directories, std::string_view path) {
  std::string normal;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      normal.erase(std::min(normal.rfind('/'), normal.size()));
    } else {
      normal += '/';
      normal += part;
    }
  }
  return std::any_of(directories.begin(), directories.end(), [&](const std::string& directory) {
    return (normal + "/").starts_with(directory + "/");
  });
}

}  // namespace

std::optional<std::string> expandTokens(std::string_view text, const TokenValues& values) {
  bool fromOrigin = false;
  std::string result;
  bool first = true;
  for (; !text.empty(); first = false) {
    if (text.front() != '$') {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(1);
    size_t length = 0;
    if ((length = tokenLength(text, "ORIGIN")) != 0) {
      const bool alone = text.size() == length || text[length] == '/';
      if (values.secure && !(first && alone)) return std::nullopt;
      fromOrigin = true;
      result += values.origin;
    } else if ((length = tokenLength(text, "PLATFORM")) != 0) {
      if (values.platform.empty()) return std::nullopt;
      result += values.platform;
    } else if ((length = tokenLength(text, "LIB")) != 0) {
      result += values.lib;
    } else {
      result += '$';
    }
    text.remove_prefix(length);
    if (result.size() > kLongestExpansion) return std::nullopt;
  }
  if (fromOrigin && values.trustedDirectories != nullptr &&
      !leadsTo(*values.trustedDirectories, result)) {
    return std::nullopt;
  }
  return result;
}

std::optional<std::string> expandOrigin(std::string_view text, const std::string& origin) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '$') {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    const size_t length = text.starts_with("$ORIGIN") ? 7 : text.starts_with("${ORIGIN}") ? 9 : 0;
    if (length == 0 || result.size() > kLongestExpansion) return std::nullopt;
    result += origin;
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace fixelf
