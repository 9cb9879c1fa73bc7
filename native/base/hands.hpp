// Whose hands a path is in: which users besides root could make it lead to another file.
//
// Between the moment root judges a file and the moment a program opens it by its path, the owner of
// the file, of one of its directories or of a link on the way can replace it. If that is one user,
// the program runs as that user, who gains nothing by it. If there are several, each would gain
// what the others have.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

// The one user besides root whose hands all of the paths are in; none if they are only in root's.
// The group of another user's directory is that user's affair. Fails with PermissionDenied if they
// are in the hands of several users, or of everyone.
Result<std::optional<uid_t>> handsOf(const std::vector<std::string>& paths);

}  // namespace fixelf
