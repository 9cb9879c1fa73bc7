// Whose hands a path is in: who besides root could have it lead to another file.
//
// Between the moment that root judges a file and the moment that a program opens it by its path,
// whoever owns the file, one of its directories or a link on the way can replace it. Where that is
// one user, the program runs as that user, who gains nothing by it. Where it is more than one, each
// would gain what the other has.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

// The one user besides root whose hands all of the paths are in; none where they are in root's
// alone. The group of another user's directory is that user's affair. Fails with PermissionDenied
// where they are in the hands of several users, or of everybody.
Result<std::optional<uid_t>> handsOf(const std::vector<std::string>& paths);

}  // namespace fixelf
