/* Runs a command and kills it, with all its threads and the processes that it has started, just before one of its
   system calls: kill-at NUMBER COMMAND… Only calls that may change what other processes find are counted, from 1 and
   over all threads: a kill between two of them always leaves the same state. With 0 nothing is killed, and the number
   of calls goes to descriptor 3. SIGINT is passed on to the command. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kMost = 1 << 16 };
static pid_t alive[kMost];
static unsigned count;
static pid_t child;

static void handOn(int signal) { kill(child, signal); }

static void add(pid_t process) {
  for (unsigned at = 0; at < count; ++at)
    if (alive[at] == process) return;
  if (count == kMost) abort();
  alive[count++] = process;
}

static int isRegular(pid_t process, uint64_t descriptor) {
  char path[64];
  struct stat state;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process, (int)descriptor);
  return stat(path, &state) == 0 && S_ISREG(state.st_mode);
}

static int opensToChange(uint64_t flags) {
  return (flags & (O_CREAT | O_TRUNC | O_TMPFILE)) != 0;
}

/* All calls except those that are known to change nothing. */
static int mayChange(pid_t process, uint64_t call, const uint64_t *given) {
  switch (call) {
    case SYS_openat:
      return opensToChange(given[2]);
#ifdef SYS_open
    case SYS_open:
      return opensToChange(given[1]);
    case SYS_access:
    case SYS_arch_prctl:
    case SYS_dup2:
    case SYS_epoll_wait:
    case SYS_getpgrp:
    case SYS_lstat:
    case SYS_poll:
    case SYS_readlink:
    case SYS_select:
    case SYS_stat:
#endif
    case SYS_openat2: /* its flags are in memory: only used to read (native/base/location.cpp) */
      return 0;
    case SYS_ioctl:
      return given[1] == FICLONE;
    /* Pipes, eventfds and terminals are not files that are found afterwards. */
    case SYS_write:
    case SYS_writev:
      return isRegular(process, given[0]);
    case SYS_brk:
    case SYS_capget:
    case SYS_clock_getres:
    case SYS_clock_gettime:
    case SYS_clock_nanosleep:
    case SYS_clone:
    case SYS_clone3:
    case SYS_close:
    case SYS_close_range:
    case SYS_dup:
    case SYS_dup3:
    case SYS_epoll_create1:
    case SYS_epoll_ctl:
    case SYS_epoll_pwait:
    case SYS_eventfd2:
    case SYS_execve:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_fcntl:
    case SYS_fgetxattr:
    case SYS_flistxattr:
    case SYS_fstat:
    case SYS_fstatfs:
    case SYS_futex:
    case SYS_getcwd:
    case SYS_getdents64:
    case SYS_getegid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getgroups:
    case SYS_getpid:
    case SYS_getppid:
    case SYS_getrandom:
    case SYS_gettid:
    case SYS_getuid:
    case SYS_getxattr:
    case SYS_inotify_add_watch:
    case SYS_inotify_init1:
    case SYS_inotify_rm_watch:
    case SYS_io_uring_setup:
    case SYS_lseek:
    case SYS_madvise:
    case SYS_membarrier:
    case SYS_mmap:
    case SYS_mprotect:
    case SYS_mremap:
    case SYS_munmap:
    case SYS_newfstatat:
    case SYS_pipe2:
    case SYS_pkey_alloc:
    case SYS_ppoll:
    case SYS_prctl:
    case SYS_pread64:
    case SYS_prlimit64:
    case SYS_read:
    case SYS_readlinkat:
    case SYS_readv:
    case SYS_restart_syscall:
    case SYS_rseq:
    case SYS_rt_sigaction:
    case SYS_rt_sigprocmask:
    case SYS_rt_sigreturn:
    case SYS_sched_getaffinity:
    case SYS_sched_yield:
    case SYS_set_robust_list:
    case SYS_set_tid_address:
    case SYS_sigaltstack:
    case SYS_statfs:
    case SYS_statx:
    case SYS_sysinfo:
    case SYS_uname:
    case SYS_wait4:
    case SYS_waitid:
      return 0;
    default:
      return 1;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const unsigned long wanted = strtoul(argv[1], NULL, 10);
  unsigned long calls = 0;
  child = fork();
  if (child == 0) {
    close(3);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  signal(SIGINT, handOn); /* with SA_RESTART */
  int status = 0;
  if (waitpid(child, &status, 0) != child) return 2;
  const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
                       PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options) != 0) return 2;
  ptrace(PTRACE_SYSCALL, child, NULL, NULL);
  int answer = 2;
  for (;;) {
    const pid_t process = waitpid(-1, &status, __WALL);
    if (process < 0) break; /* none are left */
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (process == child) answer = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    add(process);
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info call; /* Linux 5.3 */
      if (ptrace(PTRACE_GET_SYSCALL_INFO, process, (void *)sizeof call, &call) > 0 &&
          call.op == PTRACE_SYSCALL_INFO_ENTRY && mayChange(process, call.entry.nr, call.entry.args) &&
          ++calls == wanted) {
        for (unsigned each = 0; each < count; ++each) kill(alive[each], SIGKILL);
        /* A process that was started a moment ago has not stopped yet. */
        for (pid_t left; (left = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;)
          if (left > 0 && WIFSTOPPED(status)) kill(left, SIGKILL);
        return 137;
      }
      signal = 0;
    } else if (signal == SIGTRAP || (signal == SIGSTOP && process != child)) {
      signal = 0; /* an event of ptrace, or the stop with which a new thread begins */
    }
    ptrace(PTRACE_SYSCALL, process, NULL, (void *)(long)signal);
  }
  if (wanted == 0) dprintf(3, "%lu\n", calls);
  return answer;
}
