// Whether a program runs with rights that the user that starts it does not have. The kernel then
// tells its loader so (AT_SECURE), which trusts neither variables nor $ORIGIN.
#pragma once

#include <sys/types.h>

#include <string>

namespace fixelf {

// What a file grants to whoever may execute it; nothing where it is not there.
struct GivenRights {
  // Set-user-ID: those of its owner.
  bool user = false;
  // Set-group-ID: those of its group.
  bool group = false;
  // Capabilities that its owner need not have.
  bool capabilities = false;
  uid_t owner = 0;
  // Its mount is nosuid: here the kernel passes over all of that.
  bool ignored = false;
};

GivenRights givenRights(const std::string& path);

}  // namespace fixelf
