// Whether a program runs with rights that the user starting it does not have. The kernel then tells
// its loader so (AT_SECURE), which trusts neither variables nor $ORIGIN.
#pragma once

#include <sys/types.h>

#include <string>

namespace fixelf {

// What a file grants to anyone who may execute it; nothing if it is not there.
struct GivenRights {
  // Set-user-ID: those of its owner.
  bool user = false;
  // Set-group-ID: those of its group.
  bool group = false;
  // Capabilities that its owner need not have.
  bool capabilities = false;
  uid_t owner = 0;
  // Its mount is nosuid: the kernel then ignores all of that.
  bool ignored = false;
};

GivenRights givenRights(const std::string& path);

}  // namespace fixelf
