#include "resolve/preload.hpp"

namespace fixelf {

namespace {

constexpr size_t kMost = 4096;
constexpr size_t kLongest = 4095;  // SECURE_PATH_LIMIT of elf/rtld.c, without the NUL

std::vector<std::string> split(std::string_view list, std::string_view separators) {
  std::vector<std::string> names;
  while (!list.empty() && names.size() < kMost) {
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
  bool comment = false;
  for (char& byte : text) {
    comment = byte == '#' || (comment && byte != '\n');
    if (comment) byte = ' ';
  }
  return split(text, " :\t\n");
}

std::vector<std::string> muslPreloads(std::string_view list) {
  return split(list, " :\t\n\v\f\r");
}

}  // namespace fixelf
