// What a walk asks the system about its tree.
#include <doctest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "scan/mounts.hpp"
#include "temporary_directory.hpp"

using namespace fixelf;

namespace {

bool asked(const std::string& path) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(directory >= 0);
  const bool answer = hasMountsBelow(directory);
  close(directory);
  return answer;
}

// The answer when `from` is mounted on `to`, in a mount namespace of its own; `root` is what is
// asked about, opened beforehand if `early`. 2 if nothing can be mounted.
int askedAfterMount(const std::string& from, const std::string& to, const std::string& root,
                    bool early = false) {
  const pid_t child = fork();
  if (child == 0) {
    const int before = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
        mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
      _exit(2);
    const int directory = early ? before : open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _exit(hasMountsBelow(directory) ? 1 : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("hasMountsBelow: what is mounted where") {
  const TemporaryDirectory scratch("walk");
  const std::string source = scratch / "source\rof it";
  std::filesystem::create_directory(source);
  for (const char* name : {"plain", "with space", "tab\tand\nline", "back\\slash", "\rreturn"}) {
    CAPTURE(name);
    const std::string root = scratch / name;
    std::filesystem::create_directories(root + "/below");
    std::filesystem::create_directory(root + " beside");
    CHECK_FALSE(asked(root));
    CHECK(askedAfterMount(source, root + "/below", root) == 1);
    CHECK(askedAfterMount(source, root, root) == 0);
    CHECK(askedAfterMount(source, root + " beside", root) == 0);
  }
  CHECK(asked("/"));
}

TEST_CASE("hasMountsBelow: a directory of other mounts than this process's cannot be told") {
  const TemporaryDirectory scratch("walk");
  const std::string root = scratch / "root";
  std::filesystem::create_directory(root);
  CHECK(askedAfterMount(root, root, root) == 0);
  CHECK(askedAfterMount(root, root, root, true) == 1);
}
