/* Runs a command and kills it, with all its threads and the processes that it has started, as one of its
   system calls is about to begin: kill-at NUMBER COMMAND… Calls are counted over all threads, from 1. With 0
   nothing is killed, and the number of calls goes to descriptor 3. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kMost = 1 << 16 };
static pid_t alive[kMost];
static unsigned char inside[kMost]; /* whether its last stop was the beginning of a call */
static unsigned count;

static unsigned indexOf(pid_t process) {
  for (unsigned at = 0; at < count; ++at)
    if (alive[at] == process) return at;
  if (count == kMost) abort();
  alive[count] = process;
  inside[count] = 0;
  return count++;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const unsigned long wanted = strtoul(argv[1], NULL, 10);
  unsigned long calls = 0;
  const pid_t child = fork();
  if (child == 0) {
    close(3);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return 2;
  const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
                       PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options) != 0) return 2;
  ptrace(PTRACE_SYSCALL, child, NULL, NULL);
  int answer = 2;
  for (;;) {
    const pid_t process = waitpid(-1, &status, __WALL);
    if (process < 0) break; /* nobody is left */
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (process == child) answer = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    const unsigned at = indexOf(process);
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      inside[at] = !inside[at];
      if (inside[at] && ++calls == wanted) {
        for (unsigned each = 0; each < count; ++each) kill(alive[each], SIGKILL);
        while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR) {}
        return 137;
      }
      signal = 0;
    } else if (signal == SIGTRAP || (signal == SIGSTOP && process != child)) {
      signal = 0; /* an event of ptrace, or the stop that a new thread begins with */
      if (status >> 16 == PTRACE_EVENT_EXEC) inside[at] = 1;
    }
    ptrace(PTRACE_SYSCALL, process, NULL, (void *)(long)signal);
  }
  if (wanted == 0) dprintf(3, "%lu\n", calls);
  return answer;
}
