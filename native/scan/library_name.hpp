// What files of shared libraries are called.
#pragma once

#include <string_view>

namespace fixelf {

// "libz.so", "libz.so.1", and loaders with names such as "ld.so.1".
inline bool looksLikeLibrary(std::string_view name) {
  constexpr std::string_view kSuffix = ".so";
  if (name.ends_with(kSuffix) || name.starts_with("ld.so") || name.starts_with("ld64.so"))
    return true;
  const size_t versioned = name.find(".so.");
  return versioned != std::string_view::npos && versioned + kSuffix.size() + 1 < name.size();
}

}  // namespace fixelf
