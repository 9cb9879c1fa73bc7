// A file that is to be read or changed, and what patchelf requires of it.
#pragma once

#include <memory>
#include <string>

#include "elf/facts.hpp"

namespace fixelf::patchelf {

// Both fail in patchelf's words if it has any.
Result<std::unique_ptr<FileSource>> openFile(const std::string& file);
Result<Facts> readElf(const Source& source, const std::string& file);
// Opens the file as well.
Result<Facts> readElf(const std::string& file);

// ET_DYN: libraries, and position-independent programs.
bool isSharedObject(const Facts& facts);

// Fails with Unsupported.
Status demandDynamicTable(const Facts& facts);

}  // namespace fixelf::patchelf
