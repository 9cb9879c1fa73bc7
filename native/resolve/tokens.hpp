// $ORIGIN, $LIB and $PLATFORM in what a file or the environment says (dynamic string tokens).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fixelf {

struct TokenValues {
  const std::string& origin;    // the directory of the object that says it
  const std::string& lib;       // $LIB
  const std::string& platform;  // $PLATFORM; empty where it is not known
  bool secure = false;          // the program is set-user-ID: $ORIGIN counts only at the start
  // It must lead to one of these; null where it may lead anywhere.
  const std::vector<std::string>* trustedDirectories = nullptr;
};

// glibc's rule, _dl_dst_substitute in elf/dl-load.c. None where a token has no value; then glibc
// leaves the whole element out.
std::optional<std::string> expandTokens(std::string_view text, const TokenValues& values);

// musl's rule, fixup_rpath in ldso/dynlink.c, for a whole search path: no token but $ORIGIN, and
// none where any other `$` is in it.
std::optional<std::string> expandOrigin(std::string_view text, const std::string& origin);

}  // namespace fixelf
