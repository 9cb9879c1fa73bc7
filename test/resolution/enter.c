// Runs a program as it would run in a root of its own, with only the given environment: its loader
// must see the variables, and this program's must not. To be called in a mount namespace in which
// the root gets this machine's /proc. USER is a number, used for the group too; 0 keeps the user.
//
//     enter ROOT OUTPUT USER COUNT VARIABLE… PROGRAM ARGUMENT…
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int count, char** arguments) {
  if (count < 6) return 2;
  const int user = atoi(arguments[3]);
  const int variables = atoi(arguments[4]);
  char* environment[16] = {NULL};
  for (int index = 0; index < variables && index < 15; ++index)
    environment[index] = arguments[5 + index];
  char** command = arguments + 5 + variables;
  const int output = open(arguments[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  char proc[PATH_MAX];
  snprintf(proc, sizeof proc, "%s/proc", arguments[1]);
  if (mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) != 0) return 2;
  if (output < 0 || chroot(arguments[1]) != 0 || chdir("/") != 0) return 2;
  dup2(output, 1);
  dup2(output, 2);
  if (user != 0 && (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0)) return 2;
  // A loader that goes in circles, as glibc's does with certain filters, is ended by the kernel.
  alarm(20);
  execve(command[0], command, environment);
  return 127;
}
