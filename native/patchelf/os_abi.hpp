// The names that patchelf has for the values of EI_OSABI (gABI, "ELF Identification").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fixelf::patchelf {

// "0xAB" if it has none.
std::string osAbiText(uint8_t value);

// In any case of letters, and surrounded by blanks.
std::optional<uint8_t> osAbiValue(const std::string& name);

}  // namespace fixelf::patchelf
