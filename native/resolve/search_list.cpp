#include "resolve/search_list.hpp"

#include <algorithm>
#include <unordered_set>

namespace fixelf {

namespace {

// Bytes of one list, with $ORIGIN expanded. Without tokens no search path of a file can name as
// much (Limits::kString); with them it would take thousands of directories with the longest names.
constexpr size_t kLargestList = 64U << 20;

// A list under construction, which drops duplicates.
class Builder {
 public:
  void add(std::string directory) {
    while (directory.size() > 1 && directory.back() == '/')
      directory.pop_back();
    if (full() || !known_.insert(directory).second) return;
    size_ += directory.size() + 1;
    list_.push_back(std::move(directory));
  }
  [[nodiscard]] bool full() const { return size_ >= kLargestList; }
  SearchList take() { return std::move(list_); }

 private:
  SearchList list_;
  std::unordered_set<std::string> known_;
  size_t size_ = 0;
};

}  // namespace

SearchList splitGlibc(const Files& files, std::string_view list, std::string_view separators,
                      const TokenValues& values) {
  Builder builder;
  if (list.empty()) return {};
  for (size_t at = 0; at <= list.size() && !builder.full();) {
    const size_t end = std::min(list.find_first_of(separators, at), list.size());
    const std::string_view element = list.substr(at, end - at);
    at = end + 1;
    if (element.empty()) {
      builder.add(files.absolute("."));
    } else if (auto expanded = expandTokens(element, values); expanded && !expanded->empty()) {
      builder.add(files.absolute(*expanded));
    }
  }
  return builder.take();
}

SearchList splitMusl(const Files& files, std::string_view list) {
  Builder builder;
  for (size_t at = 0; at < list.size() && !builder.full();) {
    const size_t end = std::min(list.find_first_of(":\n", at), list.size());
    if (end > at) builder.add(files.absolute(std::string(list.substr(at, end - at))));
    at = end + 1;
  }
  return builder.take();
}

}  // namespace fixelf
