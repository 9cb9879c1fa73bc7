// What patchelf's options are.
#pragma once

#include <string_view>

namespace fixelf::patchelf {

extern const std::string_view kHelp;

}  // namespace fixelf::patchelf
