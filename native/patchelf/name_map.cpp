#include "patchelf/name_map.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include "patchelf/failure.hpp"
#include "patchelf/value_file.hpp"

namespace fixelf::patchelf {

namespace {

constexpr const char* kBlanks = " \t\v\f\r";

// The next word of a line from `at` on, which moves behind the word; empty at the end.
std::string nextWord(const std::string& line, size_t& at) {
  const size_t start = std::min(line.find_first_not_of(kBlanks, at), line.size());
  at = std::min(line.find_first_of(kBlanks, start), line.size());
  return line.substr(start, at - start);
}

}  // namespace

Status readNameMap(const std::string& file, std::vector<Renaming>& renamings) {
  std::string text;
  if (!readWhole(file, text)) return systemFailure(errno, "Cannot open map file " + file);
  std::set<std::string> known;
  for (const Renaming& renaming : renamings)
    known.insert(renaming.from);
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    size_t at = 0;
    std::string from = nextWord(line, at);
    std::string to = nextWord(line, at);
    if (from.empty()) break;
    const auto wrong = [&](const std::string& what) {
      return failure(ErrorCode::Usage, file + ":" + std::to_string(number) + ": " + what);
    };
    if (to.empty()) return wrong("Map file line is missing the second element");
    if (!known.insert(from).second)
      return wrong("Name '" + from + "' appears twice in the map file");
    if (from.find('@') != std::string::npos || to.find('@') != std::string::npos)
      return wrong("Name pair contains version tag: " + from + " " + to);
    renamings.push_back({std::move(from), std::move(to)});
  }
  return Done{};
}

}  // namespace fixelf::patchelf
