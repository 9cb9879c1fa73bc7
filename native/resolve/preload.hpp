// The libraries that are loaded before those the program needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fixelf {

// LD_PRELOAD as glibc reads it: names between spaces and colons (handle_preload_list in
// elf/rtld.c).
std::vector<std::string> glibcPreloads(std::string_view list);
// /etc/ld.so.preload: names between white space and colons, comments starting with # (elf/rtld.c).
std::vector<std::string> filePreloads(const std::vector<uint8_t>& content);
// LD_PRELOAD as musl reads it: names between white space and colons (load_preload in
// ldso/dynlink.c).
std::vector<std::string> muslPreloads(std::string_view list);

}  // namespace fixelf
