#include "resolve/preload.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr size_t kMostNames = 4096;
constexpr size_t kLongest = 4095;  // SECURE_PATH_LIMIT of elf/rtld.c, without the NUL

std::vector<std::string> split(std::string_view list, std::string_view separators) {
  std::vector<std::string> names;
  while (!list.empty() && names.size() < kMostNames) {
    const size_t end = std::min(list.find_first_of(separators), list.size());
    if (end > 0) names.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

}  // namespace

std::vector<std::string> glibcPreloads(std::string_view list) {
  std::vector<std::string> names = split(list, " :");
  std::erase_if(names, [](const std::string& name) { return name.size() > kLongest; });
  return names;
}

std::vector<std::string> filePreloads(const std::vector<uint8_t>& content) {
  std::string text(content.begin(), content.end());
  // From a # to the end of its line. As in elf/rtld.c, each further # is looked for from the start
  // of the file, within as many bytes as are left behind the last comment; so a second comment may
  // end early, and the rest of it counts as a name.
  size_t rest = text.size();
  while (rest > 0) {
    size_t comment = std::string_view(text).substr(0, rest).find('#');
    if (comment == std::string_view::npos) break;
    rest -= comment;
    do
      text[comment] = ' ';
    while (--rest > 0 && text[++comment] != '\n');
  }
  return split(text, " :\t\n");
}

std::vector<std::string> muslPreloads(std::string_view list) {
  return split(list, " :\t\n\v\f\r");
}

}  // namespace fixelf
