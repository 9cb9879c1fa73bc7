// The store paths of a store with their inodes, in one buffer, by which two listings can be
// compared.
//
// A store's top directory has tens of thousands of entries, and is listed whenever it has changed.
// So the entries never become objects: the text is sorted, and what has not changed between two
// listings is identical byte for byte.
#pragma once

#include <stop_token>
#include <string>

#include "base/error.hpp"

namespace fixelf {

// One line for each store path, sorted by name: "NAME<tab>INODE<newline>", with "<tab>lock" before
// the newline if Nix holds a lock file beside it. What is not a store path (".links", ".drv" and
// lock files) is left out. Fails with Cancelled if `stop` is requested meanwhile.
Result<std::string> listStore(const std::string& directory, const std::stop_token& stop);

}  // namespace fixelf
