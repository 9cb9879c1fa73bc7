#include "run/memory_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace fixelf {

Result<Descriptor> makeMemoryFile(const char* name, std::span<const char> content) {
  Descriptor file(memfd_create(name, MFD_CLOEXEC));
  if (!file) return systemError(errno, "make a file in memory", {});
  while (!content.empty()) {
    const ssize_t written =
        uninterrupted([&] { return write(file.get(), content.data(), content.size()); });
    if (written < 0) return systemError(errno, "write a file in memory", {});
    content = content.subspan(static_cast<size_t>(written));
  }
  // Otherwise its reader would begin where the writing ended.
  if (lseek(file.get(), 0, SEEK_SET) < 0) return systemError(errno, "read a file in memory", {});
  return file;
}

}  // namespace fixelf
