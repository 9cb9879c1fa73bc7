// Starts programs in turn and tells, for each start, how long it took from the call to the end of the
// process, and how long a processor was busy with that process, both in microseconds. What else the
// machine does shows in the first far more than in the second.
//
//     starts TIMES COMMAND…
//
// A COMMAND is a program, or NAME=VALUE,…,PROGRAM with variables for it; there is no other
// environment. One line is written for each round through all commands, with two numbers for each.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Command {
  std::vector<std::string> parts;  // variables, then the program
  std::vector<char*> environment;
};

struct Taken {
  double wall = 0;
  double busy = 0;
};

double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

Taken start(Command& command) {
  char* program = command.parts.back().data();
  char* arguments[] = {program, nullptr};
  const auto before = std::chrono::steady_clock::now();
  pid_t process = 0;
  int status = 0;
  rusage usage = {};
  if (posix_spawn(&process, program, nullptr, nullptr, arguments, command.environment.data()) !=
          0 ||
      wait4(process, &status, 0, &usage) != process || status != 0) {
    std::fprintf(stderr, "%s does not run\n", program);
    std::exit(1);
  }
  const auto after = std::chrono::steady_clock::now();
  return {std::chrono::duration<double, std::micro>(after - before).count(),
          microseconds(usage.ru_utime) + microseconds(usage.ru_stime)};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Command> commands(argc - 2);
  for (int index = 2; index < argc; ++index) {
    Command& command = commands[index - 2];
    std::istringstream text(argv[index]);
    for (std::string part; std::getline(text, part, ',');)
      command.parts.push_back(part);
    for (size_t part = 0; part + 1 < command.parts.size(); ++part)
      command.environment.push_back(command.parts[part].data());
    command.environment.push_back(nullptr);
  }
  const int times = std::atoi(argv[1]);
  for (int time = 0; time < times; ++time) {
    std::vector<Taken> taken(commands.size());
    // Every other round goes backwards, so that nobody always follows the same one.
    for (size_t turn = 0; turn < commands.size(); ++turn) {
      const size_t which = time % 2 == 0 ? turn : commands.size() - 1 - turn;
      taken[which] = start(commands[which]);
    }
    for (size_t index = 0; index < taken.size(); ++index)
      std::printf("%.3f %.3f%c", taken[index].wall, taken[index].busy,
                  index + 1 < taken.size() ? ' ' : '\n');
  }
}
