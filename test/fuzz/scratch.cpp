#include "scratch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "target.hpp"

namespace fuzz {

namespace {

namespace fs = std::filesystem;

struct Directory {
  Directory() {
    const fs::path memory =
        fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    path = memory / "fixelf-fuzz-XXXXXX";
    demand(mkdtemp(path.data()) != nullptr, "no scratch directory");
    path = fs::canonical(path);
    std::atexit([] {
      std::error_code ignored;
      fs::remove_all(scratch(), ignored);
    });
  }
  std::string path;
};

}  // namespace

const std::string& scratch() {
  static const auto& directory = *new Directory;
  return directory.path;
}

void writeFile(const std::string& path, std::span<const uint8_t> bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  demand(file >= 0, "cannot write ", path);
  const ssize_t written = write(file, bytes.data(), bytes.size());
  demand(written == static_cast<ssize_t>(bytes.size()), "cannot write all of ", path);
  close(file);
}

Bytes readFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  demand(file >= 0, "cannot read ", path);
  struct stat status {};
  demand(fstat(file, &status) == 0, "cannot look at ", path);
  Bytes bytes(static_cast<size_t>(status.st_size));
  demand(read(file, bytes.data(), bytes.size()) == status.st_size, "cannot read all of ", path);
  close(file);
  return bytes;
}

}  // namespace fuzz
