#include "patch/first_line.hpp"

#include <algorithm>

namespace fixelf {

namespace {

constexpr uint64_t kLongestScript = uint64_t{16} << 20;
// BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h), including "#!" and the line end.
constexpr size_t kLongestLine = 256;

Error refusal(ErrorCode code, std::string message) {
  return Error{code, std::move(message), {}, 0};
}

}  // namespace

Result<Layout> replaceFirstLine(const Source& source, const std::string& line) {
  if (line.size() + 3 > kLongestLine) {
    return refusal(ErrorCode::LimitExceeded, "its first line would be longer than the " +
                                                 std::to_string(kLongestLine) +
                                                 " bytes that Linux reads");
  }
  if (line.find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
    return refusal(ErrorCode::Unsupported, "a line cannot hold a line end or a NUL byte");
  if (source.size() > kLongestScript)
    return refusal(ErrorCode::LimitExceeded, "it is a script of more than 16 MiB");
  auto read = source.bytes(0, source.size(), kLongestScript);
  if (!read) return read.error();
  const std::vector<uint8_t>& before = *read;
  if (before.size() < 2 || before[0] != '#' || before[1] != '!')
    return refusal(ErrorCode::Changed, "it is no script any more");
  if (std::find(before.begin(), before.end(), 0) != before.end()) {
    return refusal(ErrorCode::Unsupported,
                   "it carries bytes that are no text behind the script, which would move");
  }

  const auto end = std::find(before.begin(), before.end(), '\n');
  std::vector<uint8_t> after(before.begin(), before.begin() + 2);
  after.insert(after.end(), line.begin(), line.end());
  after.insert(after.end(), end, before.end());

  Layout layout;
  layout.oldSize = before.size();
  layout.newSize = after.size();
  const size_t common = std::min(before.size(), after.size());
  const auto first =
      std::mismatch(after.begin(), after.begin() + static_cast<ptrdiff_t>(common), before.begin())
          .first;
  // Of two lines of equal length only the difference is written.
  auto last = after.end();
  if (after.size() == before.size()) {
    while (last != first && *(last - 1) == before[static_cast<size_t>(last - after.begin()) - 1])
      --last;
  }
  if (first != last)
    layout.ranges.push_back({static_cast<uint64_t>(first - after.begin()), {first, last}});
  return layout;
}

}  // namespace fixelf
