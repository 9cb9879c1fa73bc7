// What ends patchelf, in its own words: `patchelf: MESSAGE` on stderr and exit code 1. Scripts know
// them.
#pragma once

#include <string>

#include "base/error.hpp"

namespace fixelf::patchelf {

// Without a path: patchelf's words name the file where they are meant to.
Error failure(ErrorCode code, std::string message);

// A failed system call: `doing` and the text of its errno.
Error systemFailure(int number, const std::string& doing);

// A part that the file lacks; patchelf looks for it by the section's name.
Error cannotFind(const std::string& section);

// An error as it is printed: with the path that it is about, preceded by patchelf's words if it has
// any.
std::string messageOf(const Error& error);

}  // namespace fixelf::patchelf
