#include "run/replace_process.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace fixelf {

namespace {

// libuv marks everything open at startup to be closed (uv_disable_stdio_inheritance).
void keepOpen(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFD);
  if (flags >= 0) fcntl(descriptor, F_SETFD, flags & ~FD_CLOEXEC);
}

// libuv makes pipes and terminals non-blocking, which other processes that share them would notice.
void makeBlocking(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
}

// Node ignores these two from startup on; ignored signals stay ignored after execve(2).
void answerSignals(void (*handler)(int)) {
  for (const int number : {SIGPIPE, SIGXFSZ})
    std::signal(number, handler);
}

// Node raises the soft limit to the hard one (node.cc, PlatformInit). Programs that close every
// possible descriptor, or use select(2), rely on a small one. The original is no longer known; the
// parent's is the best guess.
void restoreOpenFiles() {
  rlimit parents{};
  rlimit own{};
  if (prlimit(getppid(), RLIMIT_NOFILE, nullptr, &parents) != 0) return;
  if (getrlimit(RLIMIT_NOFILE, &own) != 0 || parents.rlim_cur >= own.rlim_cur) return;
  own.rlim_cur = parents.rlim_cur;
  setrlimit(RLIMIT_NOFILE, &own);
}

}  // namespace

Error replaceProcess(const Replacing& replacing) {
  std::vector<char*> arguments;
  for (const std::string& argument : replacing.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT(*-const-cast)
  }
  arguments.push_back(nullptr);
  for (const std::string& variable : replacing.variables) {
    const size_t end = variable.find('=');
    setenv(variable.substr(0, end).c_str(), variable.c_str() + end + 1, 1);
  }

  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    keepOpen(standard);
    makeBlocking(standard);
  }
  for (const int descriptor : replacing.inherited)
    keepOpen(descriptor);
  restoreOpenFiles();
  answerSignals(SIG_DFL);
  sigset_t none;
  sigset_t before;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, &before);

  if (replacing.descriptor >= 0) {
    syscall(SYS_execveat, replacing.descriptor, "", arguments.data(), environ, AT_EMPTY_PATH);
  } else {
    execve(replacing.path.c_str(), arguments.data(), environ);
  }
  const int number = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  answerSignals(SIG_IGN);
  return systemError(number, "start it", replacing.path);
}

}  // namespace fixelf
