#include "patchelf/failure.hpp"

#include <cstring>
#include <string_view>

namespace fixelf::patchelf {

namespace {

// How a message begins about something that patchelf refuses as well, and patchelf's words for
// that.
struct Wording {
  std::string_view ours;
  std::string_view theirs;
};
constexpr Wording kWordings[] = {
    {"a name lies outside the dynamic string table", "string table index out of bounds"},
    {"a name is not terminated inside its string table", "string table is not NUL-terminated"},
    {"the dynamic table goes on behind the end", "setSubstr: write extends past end of section"},
    {"the GNU hash table is damaged", ".gnu.hash table header out of range"},
    {"the hash table is damaged", ".hash table header out of range"},
    {"the program header table ends at byte", "program header table out of bounds"},
    {"e_phnum is ", "program header table out of bounds"},
};

}  // namespace

Error failure(ErrorCode code, std::string message) {
  return Error{code, std::move(message), {}, 0};
}

Error systemFailure(int number, const std::string& doing) {
  Error error = systemError(number, doing, {});
  error.message = doing + ": " + std::strerror(number);
  return error;
}

Error cannotFind(const std::string& section) {
  return failure(ErrorCode::Unsupported, "cannot find section '" + section +
                                             "'. The input file is most likely statically linked");
}

std::string messageOf(const Error& error) {
  const bool isNamed = error.path.empty() || error.message.find(error.path) != std::string::npos;
  std::string message = isNamed ? error.message : error.path + ": " + error.message;
  for (const auto& [ours, theirs] : kWordings)
    if (error.message.starts_with(ours)) return std::string(theirs) + ": " + message;
  return message;
}

}  // namespace fixelf::patchelf
