// Paths that lead through links, and which links may be followed.
#include "base/location.hpp"

#include <doctest.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>

#include "temporary_directory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace fixelf;

constexpr uid_t kSomebody = 4711;
constexpr uid_t kSomebodyElse = 4712;

// Every openat2 fails with `number` from now on, as in a sandbox that does not know the call.
void forbidOpenat2(uint32_t number) {
  std::array<sock_filter, 4> filter = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{filter.size(), filter.data()};
  REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

// The answers in a process for which openat2 fails with `number` (0: works): one character each.
template <class Ask>
std::string answersWithout(uint32_t number, Ask ask) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (number != 0) forbidOpenat2(number);
    const std::string answers = ask();
    _exit(write(ends[1], answers.data(), answers.size()) < 0);
  }
  ::close(ends[1]);
  std::array<char, 64> answers{};
  const ssize_t length = read(ends[0], answers.data(), answers.size());
  ::close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  return {answers.data(), static_cast<size_t>(length)};
}

}  // namespace

TEST_CASE("a path is opened only where no component of it is a link") {
  const TemporaryDirectory place("location");
  fs::create_directories(place / "real/below");
  std::ofstream(place / "real/below/file") << "x";
  fs::create_symlink("real", place / "link");
  fs::create_symlink("file", place / "real/below/alias");
  const auto ask = [&] {
    std::string answers;
    for (const char* name : {"real/below/file", "real//below/./file", "link/below/file",
                             "real/below/alias", "real/below/../below/file", "real/none"}) {
      answers += openWithoutLinks(place / name, O_RDONLY) ? 'y' : 'n';
    }
    for (const char* name : {"real/below/file", "link/below/file", "real/below/new"}) {
      answers += Location::of(place / name) ? 'y' : 'n';
    }
    return answers;
  };
  // It works, a kernel before 5.6, a sandbox that does not know the call.
  for (const uint32_t number : {0U, uint32_t{ENOSYS}, uint32_t{EPERM}}) {
    CAPTURE(number);
    CHECK(answersWithout(number, ask) == "yynnnnyny");
  }
}

TEST_CASE("a location stays the same directory when its path leads elsewhere") {
  const TemporaryDirectory place("location");
  fs::create_directories(place / "tree/program");
  fs::create_directories(place / "outside");
  std::ofstream(place / "tree/program/file") << "inside";
  std::ofstream(place / "outside/file") << "outside";
  const auto location = Location::of(place / "tree/program/file");
  REQUIRE(location);
  fs::rename(place / "tree/program", place / "tree/moved");
  fs::create_symlink(place / "outside", place / "tree/program");
  const Descriptor file = location->open(O_RDONLY);
  REQUIRE(file);
  std::array<char, 8> content{};
  CHECK(read(file.get(), content.data(), content.size()) == 6);
  CHECK(std::string(content.data()) == "inside");

  const auto anew = Location::of(place / "tree/program/file");
  REQUIRE_FALSE(anew);
  CHECK(anew.error().code == ErrorCode::Changed);
  CHECK(anew.error().path == place / "tree/program/file");
}

TEST_CASE("a named path leads through one's own links, and to no other user's by a third one's") {
  const TemporaryDirectory place("location");
  fs::create_directories(place / "a/b");
  std::ofstream(place / "a/b/file") << "x";
  fs::create_symlink("b/../b/./file", place / "a/relative");
  fs::create_symlink(place / "a", place / "absolute");
  fs::create_symlink("again", place / "again");
  CHECK(*realPath(place / "absolute/relative") == place / "a/b/file");
  CHECK(*realPath(place / "absolute/..") == place.path());
  CHECK(*realPath("/..") == "/");
  CHECK(realPath(place / "again").error().systemError == ELOOP);
  CHECK(realPath(place / "a/none").error().code == ErrorCode::NotFound);
  CHECK(realPath("no-such-file").error().code == ErrorCode::NotFound);

  if (geteuid() != 0) {
    MESSAGE("not as root: whose links are followed is not tried");
    return;
  }
  const auto give = [&](const char* name, uid_t user) {
    REQUIRE(lchown((place / name).c_str(), user, static_cast<gid_t>(-1)) == 0);
  };
  give("absolute", kSomebody);
  const auto refused = realPath(place / "absolute/b/file");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::PermissionDenied);
  CHECK(refused.error().message.find(place / "absolute") != std::string::npos);
  give("a", kSomebodyElse);
  CHECK_FALSE(realPath(place / "absolute/b/file"));
  give("a", kSomebody);
  CHECK(*realPath(place / "absolute/b/file") == place / "a/b/file");
  // Through a link that may be followed.
  give("a/relative", kSomebody);
  fs::create_symlink(place / "a/relative", place / "over");
  CHECK_FALSE(realPath(place / "over"));
  give("a/b/file", kSomebody);
  CHECK(*realPath(place / "over") == place / "a/b/file");
}
