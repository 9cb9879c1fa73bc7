// What is kept from one run for the next is believed only if nobody else could have written it: it
// belongs to the effective user, and nobody else may write to it. With `sudo -E` the home
// directory, and so cache and state, may be another user's.
#pragma once

#include <string>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace fixelf {

// For an open file or directory; `path` is for messages. Fails with PermissionDenied; the message
// names the owner and a remedy.
Status demandOwn(int descriptor, const std::string& path);

// Opens a directory that is one's own, and not through a symbolic link in its place; other links
// are followed as by realPath (base/location).
Result<Descriptor> openOwnDirectory(const std::string& path);

// Makes a directory for this user alone, with any missing ones above it. Fails with
// PermissionDenied if they would be made in another user's directory, as that user could not enter
// them.
Status makeOwnDirectory(const std::string& path);

}  // namespace fixelf
