// The libraries of store paths.
#include <doctest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "index/libraries.hpp"
#include "scan/library_name.hpp"
#include "temporary_directory.hpp"

using namespace fixelf;
namespace fs = std::filesystem;

namespace {

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "no ELF file";
}

// "path -> real" for each, or "path ->" if it leads nowhere or out.
std::vector<std::string> told(const StorePathLibraries& libraries) {
  std::vector<std::string> lines;
  for (const LibraryName& library : libraries.names)
    lines.push_back(library.path + " ->" + (library.real ? " " + *library.real : ""));
  return lines;
}

}  // namespace

TEST_CASE("looksLikeLibrary: what libraries and loaders are called") {
  for (const char* name : {"libz.so", "libz.so.1", "libz.so.1.2.3", "ld.so.1", "ld64.so.2",
                           "ld-linux.so.2", "a.sound.so"})
    CHECK_MESSAGE(looksLikeLibrary(name), name);
  for (const char* name : {"libz.a", "libz.so.", "libz.sound", "so", "ld-linux"})
    CHECK_FALSE_MESSAGE(looksLikeLibrary(name), name);
}

TEST_CASE("readLibraries: links are followed inside the store path, and no further") {
  const TemporaryDirectory scratch("libraries");
  const std::string store = "/nix/store";
  const fs::path top = fs::path(scratch / "nix") / "store" / "one";
  touch(top / "lib/libreal.so.1");
  touch(top / "lib/a/b/c/d/e/libsix.so");
  touch(top / "lib/a/b/c/d/e/f/libseven.so");
  touch(top / "libexec/libaside.so");
  touch(top / "share/more/libmore.so");
  touch(top.parent_path() / "two/lib/libtwo.so");
  fs::create_symlink("libreal.so.1", top / "lib/librelative.so");
  fs::create_symlink("/nix/store/one/lib/libreal.so.1", top / "lib/libabsolute.so");
  fs::create_symlink("../libexec/libaside.so", top / "lib/libaside.so");
  fs::create_symlink("/nix/store/two/lib/libtwo.so", top / "lib/libtwo.so");
  fs::create_symlink("nowhere", top / "lib/libnone.so");
  fs::create_symlink("libloop.so", top / "lib/libloop.so");
  fs::create_symlink("../share/more", top / "lib/z-more");
  fs::create_symlink("..", top / "lib/out");
  fs::create_symlink("../..", top / "lib/a/b/circle");
  fs::create_symlink("/nix/store/two/lib", top / "lib/other");
  fs::create_symlink("/nix/store/one/lib", top / "lib64");
  fs::create_symlink("one", top.parent_path() / "link");

  const auto read =
      readLibraries(std::string(scratch / ""), store, {"one", "two", "link", "gone"}, true, {});
  REQUIRE(read);
  CHECK(told((*read)[0]) == std::vector<std::string>{
                                "lib/a/b/c/d/e/libsix.so -> lib/a/b/c/d/e/libsix.so",
                                "lib/libabsolute.so -> lib/libreal.so.1",
                                "lib/libaside.so -> libexec/libaside.so",
                                "lib/libloop.so ->",
                                "lib/libnone.so ->",
                                "lib/libreal.so.1 -> lib/libreal.so.1",
                                "lib/librelative.so -> lib/libreal.so.1",
                                "lib/libtwo.so ->",
                                "lib/z-more/libmore.so -> share/more/libmore.so",
                            });
  CHECK(told((*read)[1]) == std::vector<std::string>{"lib/libtwo.so -> lib/libtwo.so"});
  CHECK(told((*read)[2]).empty());
  CHECK(told((*read)[3]).empty());
  CHECK((*read)[0].elf.empty());
  // What is lost, circular or not an ELF file stays so.
  for (const StorePathLibraries& libraries : *read)
    CHECK(libraries.complete);
}

TEST_CASE("readLibraries: too few descriptors are no answer") {
  const TemporaryDirectory scratch("libraries");
  touch(fs::path(scratch / "nix") / "store/one/lib/libone.so");
  const pid_t child = fork();
  if (child == 0) {
    // The directory of the store path takes the last one.
    const int next = dup(0);
    close(next);
    const rlimit limit{static_cast<rlim_t>(next) + 1, static_cast<rlim_t>(next) + 1};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(3);
    const auto read = readLibraries(std::string(scratch / ""), "/nix/store", {"one"}, true, {});
    _exit(!read && read.error().systemError == EMFILE ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
