#include "scan/store_path.hpp"

#include <algorithm>

namespace fixelf {

bool isStorePathName(std::string_view name) {
  constexpr size_t kHash = 32;
  return name.size() > kHash + 1 && name[kHash] == '-' &&
         std::all_of(name.begin(), name.begin() + kHash,
                     [](char character) {
                       return (character >= '0' && character <= '9') ||
                              (character >= 'a' && character <= 'z');
                     }) &&
         name.find_first_of("\t\n") == std::string_view::npos;
}

std::string_view storePathOf(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;) {
    const size_t next = path.find('/', slash + 1);
    const size_t end = next == std::string_view::npos ? path.size() : next;
    if (isStorePathName(path.substr(slash + 1, end - slash - 1))) return path.substr(0, end);
    slash = next;
  }
  return {};
}

}  // namespace fixelf
