// The system calls that are needed, and no more. Like the kernel's, each returns a negative error
// number on failure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fixelf::shim {

// Read-only; -ENOENT and so on. A pipe does not block it.
long openFile(const char* path);
void closeFile(int file);
// In bytes.
long sizeOfFile(int file);
// All `size` bytes at `offset`: 0, or -ENODATA if the file ends before.
long readFile(int file, std::size_t offset, void* target, std::size_t size);
bool exists(const char* path);
// The length of a symbolic link's target, cut off at `size`; no zero is appended.
long readLink(const char* path, char* target, std::size_t size);

void writeError(const char* data, std::size_t size);

// `protection` is PROT_*; returns an address, or a negative error number (see isError). Anywhere,
// of zeroes or reserved for later.
std::uintptr_t mapAnonymous(std::size_t size, int protection);
// Over what mapAnonymous returned.
std::uintptr_t mapZeroes(std::uintptr_t address, std::size_t size, int protection);
std::uintptr_t mapFile(std::uintptr_t address, std::size_t size, int protection, int file,
                       std::size_t offset);

// Whole pages. False if the kernel does not allow it.
bool protect(std::uintptr_t address, std::size_t size, int protection);

void unmap(std::uintptr_t address, std::size_t size);

// No address is among the last 4095: include/linux/err.h.
inline bool isError(std::uintptr_t result) {
  return result > static_cast<std::uintptr_t>(-4096);
}
inline int errorOf(std::uintptr_t result) {
  return -static_cast<int>(result);
}

// Returns only on failure.
long execute(const char* path, const char* const* arguments, const char* const* environment);
[[noreturn]] void leave(int status);

}  // namespace fixelf::shim
