// $ORIGIN, $LIB and $PLATFORM in strings of a file or the environment (dynamic string tokens).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fixelf {

struct TokenValues {
  const std::string& origin;    // the directory of the object that contains the token
  const std::string& lib;       // $LIB
  const std::string& platform;  // $PLATFORM; empty if it is not known
  bool secure = false;          // the program is set-user-ID: $ORIGIN counts only at the start
  // The result must lead to one of these; null if it may lead anywhere.
  const std::vector<std::string>* trustedDirectories = nullptr;
};

// glibc's rule, _dl_dst_substitute in elf/dl-load.c. None if a token has no value; glibc then
// leaves the whole element out.
std::optional<std::string> expandTokens(std::string_view text, const TokenValues& values);

// musl's rule, fixup_rpath in ldso/dynlink.c, for a whole search path: no token but $ORIGIN, and
// none if it contains any other `$`.
std::optional<std::string> expandOrigin(std::string_view text, const std::string& origin);

}  // namespace fixelf
