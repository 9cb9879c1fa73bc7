// Starts programs up to their entry point, and reports how far each came: what the kernel and the loader make of a
// file, with none of its own code run (except constructors in its libraries).
//
// Reads paths from standard input, one per line, and writes a line for each: "started", "exec ERRNO", "exit STATUS" or
// "signal NUMBER", and a tab with the loader's output. A breakpoint is set at the entry point given by the kernel
// (AT_ENTRY in /proc/PID/auxv), once the program has been mapped.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 10, EXEC_FAILED = 113 };

static void limit(int what, rlim_t most) {
  const struct rlimit both = {most, most};
  setrlimit(what, &both);
}

static void become(const char *path, int said, int failed) {
  char *const arguments[] = {(char *)path, NULL};
  alarm(SECONDS);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, SECONDS);
  limit(RLIMIT_FSIZE, 1 << 20);
  dup2(open("/dev/null", O_RDWR), 0);
  dup2(said, 1);
  dup2(said, 2);
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  extern char **environ;
  execve(path, arguments, environ);
  const int number = errno;
  if (write(failed, &number, sizeof number) != sizeof number) abort();
  _exit(EXEC_FAILED);
}

static unsigned long entry_of(pid_t child) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/auxv", child);
  const int file = open(path, O_RDONLY);
  Elf64_auxv_t each;
  unsigned long entry = 0;
  while (file >= 0 && read(file, &each, sizeof each) == sizeof each)
    if (each.a_type == AT_ENTRY) entry = each.a_un.a_val;
  close(file);
  return entry;
}

static void start(const char *path) {
  int said[2], failed[2];
  if (pipe2(said, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0) abort();
  fcntl(said[0], F_SETFL, O_NONBLOCK);
  fcntl(said[1], F_SETFL, O_NONBLOCK);
  fcntl(failed[0], F_SETFL, O_NONBLOCK);
  const pid_t child = fork();
  if (child == 0) become(path, said[1], failed[1]);
  char outcome[64] = "lost";
  int status = 0, number = 0, stops = 0;
  unsigned long entry = 0;
  int trapped = 0;
  while (waitpid(child, &status, 0) == child) {
    if (WIFEXITED(status)) {
      const int of_exec = read(failed[0], &number, sizeof number) == sizeof number;
      snprintf(outcome, sizeof outcome, of_exec ? "exec %d" : "exit %d",
               of_exec ? number : WEXITSTATUS(status));
      break;
    }
    if (WIFSIGNALED(status)) {
      snprintf(outcome, sizeof outcome, "signal %d", WTERMSIG(status));
      break;
    }
    if (!WIFSTOPPED(status)) continue;
    const int signal_number = WSTOPSIG(status);
    if (signal_number == SIGTRAP && stops++ == 0) {
      ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
      entry = entry_of(child);
      errno = 0;
      const long word = ptrace(PTRACE_PEEKTEXT, child, (void *)entry, NULL);
      // If nothing is mapped at the entry point, the loader is left to go as far as it gets.
      trapped = errno == 0 &&
                ptrace(PTRACE_POKETEXT, child, (void *)entry, (void *)((word & ~0xffL) | 0xcc)) == 0;
      ptrace(PTRACE_CONT, child, NULL, NULL);
    } else if (signal_number == SIGTRAP && trapped) {
      snprintf(outcome, sizeof outcome, "started");
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    } else {
      snprintf(outcome, sizeof outcome, "signal %d", signal_number);
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
  }
  char text[512];
  const ssize_t length = read(said[0], text, sizeof text - 1);
  text[length > 0 ? length : 0] = 0;
  for (char *at = text; *at; ++at)
    if (*at == '\n' || *at == '\t') *at = ' ';
  printf("%s\t%s\n", outcome, text);
  fflush(stdout);
  close(said[0]), close(said[1]), close(failed[0]), close(failed[1]);
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    start(line);
  }
  return 0;
}
