#include "shim_system.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "scratch.hpp"
#include "system.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

std::vector<std::pair<std::uintptr_t, std::size_t>> mapped;

// Whether a mapping in a fixed place stays inside one that was returned.
bool isReserved(std::uintptr_t address, std::size_t size) {
  for (const auto& [start, length] : mapped) {
    if (address >= start && address - start <= length && size <= length - (address - start))
      return true;
  }
  return false;
}

std::uintptr_t answer(void* address) {
  return address == MAP_FAILED ? static_cast<std::uintptr_t>(-errno)
                               : reinterpret_cast<std::uintptr_t>(address);
}

std::uintptr_t roundedUp(std::size_t size) {
  return (size + 4095) & ~std::size_t{4095};
}

}  // namespace

void unmapAll() {
  for (const auto& [start, length] : mapped)
    munmap(reinterpret_cast<void*>(start), length);
  mapped.clear();
}

}  // namespace fuzz

namespace fixelf::shim {

using fuzz::answer;

long openFile(const char* path) {
  const std::string inside = fuzz::scratch() + "/" + path;
  const int file = open(inside.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return file < 0 ? -errno : file;
}

void closeFile(int file) {
  close(file);
}

long sizeOfFile(int file) {
  const off_t size = lseek(file, 0, SEEK_END);
  return size < 0 ? -errno : size;
}

long readFile(int file, std::size_t offset, void* target, std::size_t size) {
  if (lseek(file, static_cast<off_t>(offset), SEEK_SET) < 0) return -errno;
  const ssize_t got = read(file, target, size);
  if (got < 0) return -errno;
  return static_cast<std::size_t>(got) == size ? 0 : -ENODATA;
}

bool exists(const char* path) {
  return access((fuzz::scratch() + "/" + path).c_str(), F_OK) == 0;
}

long readLink(const char* path, char* target, std::size_t size) {
  const ssize_t length = readlink(path, target, size);
  if (length < 0) return -errno;
  const std::string text(target, static_cast<std::size_t>(length));
  if (!text.starts_with(fuzz::scratch())) return length;
  const std::string inside = text.substr(fuzz::scratch().size());
  std::memcpy(target, inside.data(), inside.size());
  return static_cast<long>(inside.size());
}

void writeError(const char* data, std::size_t size) {
  for (std::size_t index = 0; index < size; ++index)
    fuzz::demand(data[index] == '\n' || static_cast<unsigned char>(data[index]) >= ' ',
                 "a control character reaches the terminal");
}

std::uintptr_t mapAnonymous(std::size_t size, int protection) {
  const std::uintptr_t address =
      answer(mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (!isError(address)) fuzz::mapped.emplace_back(address, fuzz::roundedUp(size));
  return address;
}

std::uintptr_t mapZeroes(std::uintptr_t address, std::size_t size, int protection) {
  fuzz::demand(fuzz::isReserved(address, size), "zeros over what was not reserved");
  return answer(mmap(reinterpret_cast<void*>(address), size, protection,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

std::uintptr_t mapFile(std::uintptr_t address, std::size_t size, int protection, int file,
                       std::size_t offset) {
  fuzz::demand(fuzz::isReserved(address, size), "a file over what was not reserved");
  return answer(mmap(reinterpret_cast<void*>(address), size, protection, MAP_PRIVATE | MAP_FIXED,
                     file, static_cast<off_t>(offset)));
}

void unmap(std::uintptr_t address, std::size_t size) {
  munmap(reinterpret_cast<void*>(address), size);
  std::erase_if(fuzz::mapped, [&](const auto& mapping) { return mapping.first == address; });
}

long execute(const char*, const char* const*, const char* const*) {
  return -ENOSYS;
}

void leave(int) {
  fuzz::demand(false, "the stand-in leaves");
  __builtin_unreachable();
}

}  // namespace fixelf::shim
