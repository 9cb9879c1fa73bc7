// Starts programs one after another and tells, for each start, how long it took from the call to
// the end of the process, and how long a processor was busy with that process, both in
// microseconds. Other load on the machine shows in the first far more than in the second.
//
//     starts TIMES ORIGINAL COPY COMMAND…
//
// A COMMAND is words separated by tabs: NAME=VALUE for each variable of its environment, which has
// no others; "flush" if the clock is to stop only when COPY is on the disk; a program by its path;
// its arguments. Before each start COPY becomes a new copy of ORIGINAL, unless that is empty. One
// line is written for each round through all commands, with two numbers for each.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

struct Command {
  std::vector<std::string> words;
  bool flushes = false;
  std::vector<char*> environment;
  std::vector<char*> arguments;  // the program first
};

struct Taken {
  double wall = 0;
  double busy = 0;
};

void parse(const std::string& text, Command& command) {
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, '\t');)
    command.words.push_back(word);
  for (std::string& word : command.words) {
    if (!command.arguments.empty()) {
      command.arguments.push_back(word.data());
    } else if (word == "flush") {
      command.flushes = true;
    } else {
      const bool isVariable = word.find('=') != std::string::npos;
      (isVariable ? command.environment : command.arguments).push_back(word.data());
    }
  }
  command.environment.push_back(nullptr);
  command.arguments.push_back(nullptr);
}

// Ensures that the content under its name is on the disk.
void flush(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || fsync(file) != 0) fail(path + " can't be flushed");
  close(file);
}

double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

Taken start(Command& command, const std::string& copy) {
  char* program = command.arguments[0];
  const auto before = std::chrono::steady_clock::now();
  pid_t process = 0;
  int status = 0;
  rusage usage = {};
  if (posix_spawn(&process, program, nullptr, nullptr, command.arguments.data(),
                  command.environment.data()) != 0 ||
      wait4(process, &status, 0, &usage) != process || status != 0)
    fail(std::string(program) + " does not run");
  if (command.flushes) flush(copy);
  const auto after = std::chrono::steady_clock::now();
  return {std::chrono::duration<double, std::micro>(after - before).count(),
          microseconds(usage.ru_utime) + microseconds(usage.ru_stime)};
}

}  // namespace

int main(int argc, char** argv) {
  const int times = std::atoi(argv[1]);
  const std::string original = argv[2];
  const std::string copy = argv[3];
  std::vector<Command> commands(argc - 4);
  for (size_t index = 0; index < commands.size(); ++index)
    parse(argv[index + 4], commands[index]);
  // The output of queries is discarded.
  if (std::freopen("/dev/null", "r", stdin) == nullptr) fail("there is no /dev/null");
  const int results = dup(STDOUT_FILENO);
  if (dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO) < 0) fail("there is no /dev/null");
  FILE* const told = fdopen(results, "w");
  fcntl(results, F_SETFD, FD_CLOEXEC);
  for (int time = 0; time < times; ++time) {
    std::vector<Taken> taken(commands.size());
    // Every other round runs in reverse, so that none always follows the same one.
    for (size_t turn = 0; turn < commands.size(); ++turn) {
      const size_t which = time % 2 == 0 ? turn : commands.size() - 1 - turn;
      if (!original.empty())
        std::filesystem::copy_file(original, copy,
                                   std::filesystem::copy_options::overwrite_existing);
      taken[which] = start(commands[which], copy);
    }
    for (size_t index = 0; index < taken.size(); ++index)
      std::fprintf(told, "%.3f %.3f%c", taken[index].wall, taken[index].busy,
                   index + 1 < taken.size() ? ' ' : '\n');
  }
  return std::fclose(told) == 0 ? 0 : 1;
}
