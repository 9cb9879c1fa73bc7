#include "base/hands.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <fstream>

#include "base/location.hpp"

namespace fixelf {

namespace {

// The user that a user namespace shows for every user unknown to it (user_namespaces(7)).
constexpr uid_t kUnknownUser = 65534;

// Whether a user of that number exists here. If the number only stands for unknown users, they do
// not matter: to them this is not root, and could not become one of them.
bool isUnknownOneKnown() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t first = 0;
  uint64_t outside = 0;
  uint64_t count = 0;
  while (map >> first >> outside >> count) {
    if (first <= kUnknownUser && kUnknownUser - first < count) return true;
  }
  return !map.is_open();
}

class Hands {
 public:
  void add(const std::string& path, const struct stat& state) {
    static const bool isKnown = isUnknownOneKnown();
    const bool isRoots = state.st_uid == 0 || (state.st_uid == kUnknownUser && !isKnown);
    if (!isRoots && !user_) {
      user_ = state.st_uid;
      theirs_ = path;
    }
    if (!isRoots && state.st_uid != *user_) {
      refuse(theirs_ + " belongs to user " + std::to_string(*user_) + ", and " + path +
             " to user " + std::to_string(state.st_uid) + ": either could give it another's file");
    }
    // Links always appear writable. In a sticky directory users cannot touch what belongs to
    // others.
    const bool isSticky = S_ISDIR(state.st_mode) && (state.st_mode & S_ISVTX) != 0;
    if (S_ISLNK(state.st_mode) || isSticky) return;
    const bool isOfGroup = (state.st_mode & S_IWGRP) != 0 && isRoots && state.st_gid != 0;
    if (isOfGroup || (state.st_mode & S_IWOTH) != 0) refuse("others may write to " + path);
  }

  [[nodiscard]] Result<std::optional<uid_t>> answer() const {
    if (refusal_) return *refusal_;
    return user_;
  }

 private:
  void refuse(std::string why) {
    if (!refusal_) refusal_ = Error{ErrorCode::PermissionDenied, std::move(why), {}, 0};
  }

  std::optional<uid_t> user_;
  std::string theirs_;
  std::optional<Error> refusal_;
};

}  // namespace

Result<std::optional<uid_t>> handsOf(const std::vector<std::string>& paths) {
  Hands hands;
  for (const std::string& path : paths) {
    const auto real = realPath(path, [&](const std::string& passed, const struct stat& state) {
      hands.add(passed, state);
    });
    if (!real) return real.error();
  }
  return hands.answer();
}

}  // namespace fixelf
