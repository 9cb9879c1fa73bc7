#include "run/confined.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/close_range.hpp"
#include "base/descriptor.hpp"

namespace fixelf {

namespace {

// A loader maps whole libraries, some of them gigabytes, but touches little of them: the limit is
// on what it can allocate itself, anonymous memory and writable private mappings (setrlimit(2)).
constexpr rlim_t kMostData = rlim_t{4} << 30U;

// nobody's group (the kernel's overflowgid): a file's owner need not have the file's group.
constexpr gid_t kNoGroup = 65534;

// The C library's wrappers change all threads, by sending each a signal (nptl(7)); the system calls
// themselves change only the caller. Machines that once had 16-bit user numbers have calls of other
// names.
#ifdef SYS_setresuid32
constexpr long kSetUser = SYS_setresuid32;
constexpr long kSetGroup = SYS_setresgid32;
constexpr long kSetGroups = SYS_setgroups32;
#else
constexpr long kSetUser = SYS_setresuid;
constexpr long kSetGroup = SYS_setresgid;
constexpr long kSetGroups = SYS_setgroups;
#endif

std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT(*-const-cast)
  pointers.push_back(nullptr);
  return pointers;
}

struct Child {
  const char* file;
  char** arguments;
  char** environment;
  const Confinement* confinement;
  int* failure;  // errno, in shared memory
};

// The C libraries differ in the type of `resource`.
template <class Resource>
bool limit(Resource resource, rlim_t most) {
  rlimit present{};
  if (getrlimit(resource, &present) != 0) return false;
  if (present.rlim_max <= most) most = present.rlim_max;
  const rlimit wanted{most, most};
  return setrlimit(resource, &wanted) == 0;
}

bool limitAll(std::chrono::milliseconds processorTime) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(processorTime).count();
  return limit(RLIMIT_CPU, static_cast<rlim_t>(seconds)) && limit(RLIMIT_DATA, kMostData) &&
         limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0);
}

bool become(uid_t user) {
  return syscall(kSetGroups, 0, nullptr) == 0 &&
         syscall(kSetGroup, kNoGroup, kNoGroup, kNoGroup) == 0 &&
         syscall(kSetUser, user, user, user) == 0;
}

bool takeStreams(const Confinement& confinement) {
  const int input = open("/dev/null", O_RDONLY);
  return input >= 0 && dup2(input, STDIN_FILENO) >= 0 &&
         dup2(confinement.output, STDOUT_FILENO) >= 0 &&
         dup2(confinement.errors, STDERR_FILENO) >= 0;
}

void forgetSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;  // NOLINT(*-union-access)
  for (int number = 1; number < NSIG; ++number)
    sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Runs in the child, which may share this process's memory: only system calls.
int inChild(void* argument) {
  const Child& child = *static_cast<Child*>(argument);
  const Confinement& confinement = *child.confinement;
  if (takeStreams(confinement) && limitAll(confinement.processorTime) &&
      (!confinement.user || become(*confinement.user)) &&
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
    // A kernel before 5.9 lacks this call; descriptors then close at execve, as all of Node's and
    // ours do.
    (void)closeRange(STDERR_FILENO + 1, ~0U, 0);
    forgetSignals();
    execve(child.file, child.arguments, child.environment);
  }
  *child.failure = errno;
  _exit(127);
}

}  // namespace

Result<pid_t> startConfined(const std::string& file, const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment,
                            const Confinement& confinement) {
  auto argumentPointers = pointersTo(arguments);
  auto environmentPointers = pointersTo(environment);
  // One page that stays shared, for the child's errno.
  void* shared =
      mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return systemError(errno, "start a program", file);
  auto* failure = static_cast<int*>(shared);
  Child child{file.c_str(), argumentPointers.data(), environmentPointers.data(), &confinement,
              failure};
  // Like vfork(2): this thread waits until the child is another program. Memory is shared, so that
  // Node's need not be copied, unless the child becomes another user on the way: that user could
  // then trace it, and must not see root's memory.
  const int flags = SIGCHLD | CLONE_VFORK | (confinement.user ? 0 : CLONE_VM);
  constexpr size_t kStack = size_t{64} << 10U;
  std::vector<std::max_align_t> stack(kStack / sizeof(std::max_align_t));
  // A handler of ours must not run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t process = clone(inChild, stack.data() + stack.size(), flags, &child);
  const int number = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const int said = process < 0 ? number : *failure;
  munmap(shared, sizeof(int));
  if (said == 0) return process;
  if (process > 0) (void)uninterrupted([&] { return waitpid(process, nullptr, 0); });
  Error error = systemError(said, "start the program", file);
  // clone(2); and execve(2), when becoming a user exceeded that user's limit.
  if (said == EAGAIN) error.code = ErrorCode::TooManyProcesses;
  return error;
}

}  // namespace fixelf
