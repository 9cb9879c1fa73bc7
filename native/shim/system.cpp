#include "system.hpp"

#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "machine.hpp"

namespace fixelf::shim {

namespace {

long number(const void* pointer) {
  return static_cast<long>(reinterpret_cast<std::uintptr_t>(pointer));
}

constexpr long kFromStart = 0;  // SEEK_SET
constexpr long kFromEnd = 2;    // SEEK_END

std::uintptr_t map(std::uintptr_t address, std::size_t size, int protection, int flags, int file,
                   std::size_t offset) {
#ifdef __NR_mmap2
  // Its offset counts units of 4096 bytes whatever the page size: mm/mmap.c's callers for i386,
  // ARM.
  constexpr long kCall = __NR_mmap2;
  offset /= 4096;
#else
  constexpr long kCall = __NR_mmap;
#endif
  return static_cast<std::uintptr_t>(systemCall(kCall, static_cast<long>(address),
                                                static_cast<long>(size), protection, flags, file,
                                                static_cast<long>(offset)));
}

}  // namespace

long openFile(const char* path) {
  return systemCall(__NR_openat, AT_FDCWD, number(path),
                    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

void closeFile(int file) {
  systemCall(__NR_close, file);
}

long sizeOfFile(int file) {
  return systemCall(__NR_lseek, file, 0, kFromEnd);
}

long readFile(int file, std::size_t offset, void* target, std::size_t size) {
  const long place = systemCall(__NR_lseek, file, static_cast<long>(offset), kFromStart);
  if (place < 0) return place;
  auto* next = static_cast<char*>(target);
  while (size > 0) {
    const long got = systemCall(__NR_read, file, number(next), static_cast<long>(size));
    if (got == -EINTR) continue;
    if (got < 0) return got;
    if (got == 0) return -ENODATA;
    next += got;
    size -= static_cast<std::size_t>(got);
  }
  return 0;
}

bool exists(const char* path) {
  constexpr long kExists = 0;  // F_OK
  return systemCall(__NR_faccessat, AT_FDCWD, number(path), kExists) == 0;
}

long readLink(const char* path, char* target, std::size_t size) {
  return systemCall(__NR_readlinkat, AT_FDCWD, number(path), number(target),
                    static_cast<long>(size));
}

void writeError(const char* data, std::size_t size) {
  while (size > 0) {
    const long done = systemCall(__NR_write, 2, number(data), static_cast<long>(size));
    if (done == -EINTR) continue;
    if (done <= 0) return;
    data += done;
    size -= static_cast<std::size_t>(done);
  }
}

std::uintptr_t mapAnonymous(std::size_t size, int protection) {
  return map(0, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

std::uintptr_t mapZeroes(std::uintptr_t address, std::size_t size, int protection) {
  return map(address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

std::uintptr_t mapFile(std::uintptr_t address, std::size_t size, int protection, int file,
                       std::size_t offset) {
  return map(address, size, protection, MAP_PRIVATE | MAP_FIXED, file, offset);
}

bool protect(std::uintptr_t address, std::size_t size, int protection) {
  return systemCall(__NR_mprotect, static_cast<long>(address), static_cast<long>(size),
                    protection) == 0;
}

void unmap(std::uintptr_t address, std::size_t size) {
  systemCall(__NR_munmap, static_cast<long>(address), static_cast<long>(size));
}

long execute(const char* path, const char* const* arguments, const char* const* environment) {
  return systemCall(__NR_execve, number(path), number(arguments), number(environment));
}

void leave(int status) {
  while (true)
    systemCall(__NR_exit_group, status);
}

}  // namespace fixelf::shim
