#include "run/commands.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include "base/descriptor.hpp"
#include "base/hands.hpp"
#include "base/parallel.hpp"
#include "run/confined.hpp"

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

// The user that a command runs as; none: our own.
Result<std::optional<uid_t>> userOf(const Command& command) {
  auto hands = handsOf(command.subjects);
  if (!hands || !*hands || geteuid() == 0) return hands;
  if (**hands == geteuid()) return std::optional<uid_t>();
  return Error{ErrorCode::PermissionDenied,
               "user " + std::to_string(**hands) + " could give it another file",
               {},
               0};
}

// Reads what is there; returns whether more may come.
bool readSome(int descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t length =
      uninterrupted([&] { return ::read(descriptor, buffer.data(), buffer.size()); });
  if (length <= 0) return false;
  text.append(buffer.data(), static_cast<size_t>(length));
  return true;
}

// Reads until both ends are closed; returns whether that was in time and neither wrote too much.
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

Result<CommandEnd> run(const Command& command, std::chrono::milliseconds patience,
                       const std::stop_token& stop) {
  const auto deadline = Clock::now() + patience;
  const auto user = userOf(command);
  if (!user) return user.error();
  auto output = openPipe();
  auto errors = openPipe();
  if (!output || !errors) return systemError(errno, "start a program", command.file);
  std::vector<std::string> words = {command.file};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  auto started = startConfined(command.file, words, command.environment,
                               {*user, patience, output->writing.get(), errors->writing.get()});
  if (!started) return started.error();
  const pid_t process = *started;
  output->writing = Descriptor();
  errors->writing = Descriptor();
  CommandEnd end;
  // Nothing else waits for it yet, so no other process can have its number.
  const auto endIt = [process] { kill(process, SIGKILL); };
  bool inTime = false;
  {
    const std::stop_callback stopped(stop, endIt);
    inTime = listen(output->reading.get(), errors->reading.get(), deadline, end);
  }
  if (!inTime) endIt();
  int status = 0;
  if (uninterrupted([&] { return waitpid(process, &status, 0); }) < 0) {
    return systemError(errno, "wait for the program", command.file);
  }
  if (inTime && WIFEXITED(status)) end.exitCode = WEXITSTATUS(status);
  return end;
}

bool isTransient(const Error& error) {
  return isShortage(error) || error.code == ErrorCode::TooManyProcesses;
}

}  // namespace

Result<std::vector<Result<CommandEnd>>> runAll(const std::vector<Command>& commands,
                                               std::chrono::milliseconds patience,
                                               const std::stop_token& stop) {
  std::vector<Result<CommandEnd>> ends(commands.size(), Result<CommandEnd>(CommandEnd{}));
  const auto runOne = [&](size_t at) {
    if (!stop.stop_requested()) ends[at] = run(commands[at], patience, stop);
  };
  // Half of them wait for a program to start or end. Each has two pipes, and briefly a file.
  constexpr size_t kDescriptorsEach = 5;
  const auto most = std::clamp<size_t>(freeDescriptors() / kDescriptorsEach, 1, 32);
  const unsigned wanted = std::max(2 * std::thread::hardware_concurrency(), 2U);
  inParallel(commands.size(), runOne, std::min(wanted, static_cast<unsigned>(most)));
  // Commands that lacked resources at once may succeed one after another.
  for (size_t at = 0; at < ends.size(); ++at) {
    if (!ends[at] && isTransient(ends[at].error())) runOne(at);
  }
  if (stop.stop_requested()) return cancelled("the run of programs");
  return ends;
}

}  // namespace fixelf
