#include "run/commands.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include "base/descriptor.hpp"
#include "base/parallel.hpp"

namespace fixelf {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostSaid = size_t{1} << 20;

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

std::optional<Pipe> openPipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT(*-const-cast)
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn(3) is told, freed at the end.
struct SpawnActions {
  SpawnActions(const Pipe& output, const Pipe& errors) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output.writing.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, errors.writing.get(), STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    // Node blocks signals on some threads, and ignores two in all of them.
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
};

// Reads what is there; whether more may come.
bool readSome(int descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t length =
      uninterrupted([&] { return ::read(descriptor, buffer.data(), buffer.size()); });
  if (length <= 0) return false;
  text.append(buffer.data(), static_cast<size_t>(length));
  return true;
}

// Until both ends are closed; whether they were in time, and nobody said too much.
bool listen(int output, int errors, Clock::time_point deadline, CommandEnd& end) {
  std::array<pollfd, 2> open = {pollfd{output, POLLIN, 0}, pollfd{errors, POLLIN, 0}};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || end.output.size() + end.errors.size() > kMostSaid) return false;
    const int ready =
        ::poll(open.data(), open.size(), static_cast<int>(std::min<int64_t>(left, INT32_MAX)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (open[0].revents != 0 && !readSome(output, end.output)) open[0].fd = -1;
    if (open[1].revents != 0 && !readSome(errors, end.errors)) open[1].fd = -1;
  }
  return true;
}

Result<CommandEnd> run(const Command& command, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  auto output = openPipe();
  auto errors = openPipe();
  if (!output || !errors) return systemError(errno, "start a program", command.file);
  std::vector<std::string> words = {command.file};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  pid_t process = 0;
  {
    const SpawnActions actions(*output, *errors);
    const int number =
        posix_spawn(&process, command.file.c_str(), &actions.files, &actions.attributes,
                    pointersTo(words).data(), pointersTo(command.environment).data());
    if (number != 0) return systemError(number, "start the program", command.file);
  }
  output->writing = Descriptor();
  errors->writing = Descriptor();
  CommandEnd end;
  const bool inTime = listen(output->reading.get(), errors->reading.get(), deadline, end);
  // It is not waited for elsewhere, so nobody else can have its number yet.
  if (!inTime) kill(process, SIGKILL);
  int status = 0;
  if (uninterrupted([&] { return waitpid(process, &status, 0); }) < 0) {
    return systemError(errno, "wait for the program", command.file);
  }
  if (inTime && WIFEXITED(status)) end.exitCode = WEXITSTATUS(status);
  return end;
}

}  // namespace

std::vector<Result<CommandEnd>> runAll(const std::vector<Command>& commands,
                                       std::chrono::milliseconds patience) {
  std::vector<Result<CommandEnd>> ends(commands.size(), Result<CommandEnd>(CommandEnd{}));
  // Half of them wait for a program to begin or to end.
  const unsigned threads = std::clamp(2 * std::thread::hardware_concurrency(), 2U, 32U);
  inParallel(
      commands.size(), [&](size_t at) { ends[at] = run(commands[at], patience); }, threads);
  return ends;
}

}  // namespace fixelf
