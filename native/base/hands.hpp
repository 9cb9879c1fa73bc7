// Whose hands a path is in: who besides root could have it lead to another file.
//
// Between the moment that root has judged a file and the one that a program opens it by its path,
// whoever owns the file, one of its directories or a link on the way can put another in its place.
// Where that is one user, the program runs as that user, who gains nothing by it. Where it is more
// than one, each would gain what the other has.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

// The one user besides root whose hands all of the paths are in; none where they are in root's
// alone. The group of another user's directory is that user's affair. Fails with PermissionDenied
// where they are in those of several users, or of whoever likes.
Result<std::optional<uid_t>> handsOf(const std::vector<std::string>& paths);

}  // namespace fixelf
