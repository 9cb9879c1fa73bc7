// A directory of its own for each case, removed at its end.
#pragma once

#include <doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

class TemporaryDirectory {
 public:
  // `name` in its path shows which test it belongs to.
  explicit TemporaryDirectory(const std::string& name) {
    std::string pattern = std::filesystem::temp_directory_path() / ("fixelf-" + name + "-XXXXXX");
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = std::filesystem::canonical(pattern);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};
