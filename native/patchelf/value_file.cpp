#include "patchelf/value_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "base/descriptor.hpp"
#include "patchelf/failure.hpp"

namespace fixelf::patchelf {

bool readWhole(const std::string& file, std::string& content) {
  constexpr size_t kMost = size_t{16} << 20;
  const Descriptor input(uninterrupted([&] { return open(file.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!input) return false;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): is read into
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t count =
        uninterrupted([&] { return read(input.get(), block.data(), block.size()); });
    if (count < 0) return false;
    if (count == 0) return true;
    content.append(block.data(), static_cast<size_t>(count));
    if (content.size() <= kMost) continue;
    errno = EFBIG;
    return false;
  }
}

Result<std::string> readValue(const std::string& file) {
  struct stat state {};
  if (stat(file.c_str(), &state) != 0)
    return systemFailure(errno, "getting info about '" + file + "'");
  std::string content;
  if (!readWhole(file, content)) return systemFailure(errno, "opening '" + file + "'");
  return content;
}

}  // namespace fixelf::patchelf
