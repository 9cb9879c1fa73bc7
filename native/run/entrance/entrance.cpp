// Starts a program in a mount namespace of its own, whose root is assembled from parts.
//
// A process with several threads, such as Node, can't enter a user namespace (unshare(2)), and a
// process that forks must stay behind to pass on signals and the exit status. So Node becomes this
// program, and this one becomes the one that is to run. It has to start on a system without a
// loader, from bytes that the addon carries, hence no C library.
//
//     entrance enter|probe BASE STEP… -- DIRECTORY FILE ARGUMENT…
//     entrance words DESCRIPTOR
//
// With `words`, all words are read from an open file, where each ends with NUL, argv[0] first:
// Node's own spawn cannot pass on names that are not UTF-8.
//
// BASE is any directory: it is covered while the new root is made. The steps, whose sources are
// looked up in the old root and whose places are in the new one:
//
//     directory PLACE            bind-directory SOURCE PLACE
//     link TARGET PLACE          bind-file SOURCE PLACE
//     program DESCRIPTOR PLACE   cover SOURCE PLACE
//     data DESCRIPTOR PLACE
//
// `program` and `data` make a file with the content of an open one, which is then closed; anyone
// may read it, and start a `program`. `cover` puts one file of the new root over another.
//
// DIRECTORY becomes the working directory; the arguments begin with argv[0]. `probe` does
// everything except starting FILE. A failure is reported on standard error, as "cannot STEP PLACE:
// NUMBER" with the error number. The exit status is then 125, or for a FILE that does not start,
// that of a shell: 127 if it is not there, otherwise 126.
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mount.h>

#include "system.hpp"
#include "text.hpp"

namespace fixelf::entrance {

namespace {

constexpr long kFailed = 125;
constexpr long kNotStarted = 126;
constexpr long kNotThere = 127;
constexpr long kNoEntry = -2;   // ENOENT
constexpr long kInvalid = -22;  // EINVAL

[[noreturn]] void leave(long status) {
  for (;;)
    systemCall(SYS_exit_group, status);
}

[[noreturn]] void fail(const char* what, const char* where, long result, long status = kFailed) {
  Text text;
  text.add("cannot ").add(what).add(" ").add(where).add(": ").add(-result).add("\n");
  systemCall(SYS_write, 2, asArgument(text.get()), text.length());
  leave(status);
}

void check(long result, const char* what, const char* where) {
  if (result < 0) fail(what, where, result);
}

long makeDirectory(const char* path) {
  return systemCall(SYS_mkdirat, AT_FDCWD, asArgument(path), 0755);
}

long mountAt(const char* source, const char* target, const char* type, unsigned long flags,
             const char* data = nullptr) {
  return systemCall(SYS_mount, asArgument(source), asArgument(target), asArgument(type),
                    static_cast<long>(flags), asArgument(data));
}

void writeTo(const char* path, const Text& text) {
  const long file = systemCall(SYS_openat, AT_FDCWD, asArgument(path), O_WRONLY | O_CLOEXEC);
  check(file, "open", path);
  check(systemCall(SYS_write, file, asArgument(text.get()), text.length()), "write", path);
  systemCall(SYS_close, file);
}

// A process that may mount needs no user namespace, and keeps its user: with sudo too, and in all
// its groups.
void enterNamespaces() {
  if (systemCall(SYS_unshare, CLONE_NEWNS) == 0) return;
  const long user = systemCall(SYS_geteuid);
  const long group = systemCall(SYS_getegid);
  check(systemCall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS), "enter", "a user namespace");
  // user_namespaces(7): having given up setting groups, one may map one's own group.
  writeTo("/proc/self/setgroups", Text().add("deny"));
  writeTo("/proc/self/uid_map", Text().add(user).add(" ").add(user).add(" 1"));
  writeTo("/proc/self/gid_map", Text().add(group).add(" ").add(group).add(" 1"));
}

// Afterwards the old root is at /old, and the new one, empty, at /new.
void coverBase(const char* base) {
  // What is mounted outside later shows inside, but not the other way round.
  check(mountAt(nullptr, "/", nullptr, MS_REC | MS_SLAVE), "detach", "/");
  check(mountAt("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"), "mount at", base);
  const Text oldRoot = Text().add(base).add("/old");
  const Text newRoot = Text().add(base).add("/new");
  check(makeDirectory(oldRoot.get()), "make", oldRoot.get());
  check(makeDirectory(newRoot.get()), "make", newRoot.get());
  check(mountAt("tmpfs", newRoot.get(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"), "mount at",
        newRoot.get());
  check(systemCall(SYS_pivot_root, asArgument(base), asArgument(oldRoot.get())), "move to", base);
  check(systemCall(SYS_chdir, asArgument("/")), "go to", "/");
}

Text below(const char* root, const char* path) {
  const Text place = Text().add(root).add(path);
  if (!place.whole()) fail("name", path, -36);  // ENAMETOOLONG
  return place;
}

void bind(const char* source, const char* place, bool isDirectory) {
  const Text from = below("/old", source);
  const Text to = below("/new", place);
  if (isDirectory) {
    check(makeDirectory(to.get()), "make", place);
  } else {
    const long file = systemCall(SYS_openat, AT_FDCWD, asArgument(to.get()),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    check(file, "make", place);
    systemCall(SYS_close, file);
  }
  check(mountAt(from.get(), to.get(), nullptr, MS_BIND | MS_REC), "bind", source);
}

long numberOf(const char* descriptor) {
  long number = 0;
  for (const char* digit = descriptor; *digit != '\0'; ++digit) {
    if (*digit < '0' || *digit > '9' || number > 1'000'000)
      fail("understand", descriptor, kInvalid);
    number = number * 10 + (*digit - '0');
  }
  return number;
}

// The descriptor's own position stays: another one may share it.
void copyFrom(const char* descriptor, const char* place, long mode) {
  const long from = numberOf(descriptor);
  const Text to = below("/new", place);
  const long file = systemCall(SYS_openat, AT_FDCWD, asArgument(to.get()),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  check(file, "make", place);
  constexpr long kAtOnce = 1 << 30;
  long at = 0;
  long copied = 1;
  while (copied > 0) {
    copied = systemCall(SYS_sendfile, file, from, asArgument(&at), kAtOnce);
    check(copied, "write", place);
  }
  systemCall(SYS_close, file);
  systemCall(SYS_close, from);
}

void cover(const char* source, const char* place) {
  const Text from = below("/new", source);
  const Text to = below("/new", place);
  check(mountAt(from.get(), to.get(), nullptr, MS_BIND), "cover", place);
}

// Returns the first argument after the steps.
char** takeSteps(char** argument) {
  for (; *argument != nullptr && !equal(*argument, "--");) {
    const char* step = argument[0];
    const char* first = argument[1];
    if (first == nullptr) fail("understand", step, kInvalid);
    if (equal(step, "directory")) {
      check(makeDirectory(below("/new", first).get()), "make", first);
      argument += 2;
      continue;
    }
    const char* place = argument[2];
    if (place == nullptr) fail("understand", step, kInvalid);
    if (equal(step, "link")) {
      const Text to = below("/new", place);
      check(systemCall(SYS_symlinkat, asArgument(first), AT_FDCWD, asArgument(to.get())), "link",
            place);
    } else if (equal(step, "program") || equal(step, "data")) {
      copyFrom(first, place, equal(step, "program") ? 0555 : 0444);
    } else if (equal(step, "cover")) {
      cover(first, place);
    } else {
      bind(first, place, equal(step, "bind-directory"));
    }
    argument += 3;
  }
  return *argument == nullptr ? argument : argument + 1;
}

void moveToNewRoot(const char* directory) {
  check(systemCall(SYS_chdir, asArgument("/new")), "go to", "the new root");
  // pivot_root(2), "pivot_root(".", ".")": the old root covers the new one until it is detached.
  check(systemCall(SYS_pivot_root, asArgument("."), asArgument(".")), "move to", "the new root");
  check(systemCall(SYS_umount2, asArgument("."), MNT_DETACH), "let go of", "the old root");
  check(systemCall(SYS_chdir, asArgument(directory)), "go to", directory);
}

// As many as a command line may hold (execve(2), "Limits on size of arguments and environment").
char words[2 << 20];
char* beginnings[(1 << 17) + 1];

char** wordsIn(const char* descriptor) {
  constexpr long kTooLong = -7;  // E2BIG
  const long file = numberOf(descriptor);
  long size = 0;
  long count = 0;
  for (long length = 1; length > 0; size += length) {
    if (size == sizeof words) fail("read", descriptor, kTooLong);
    length = systemCall(SYS_pread64, file, asArgument(words + size),
                        static_cast<long>(sizeof words) - size, size);
    check(length, "read", descriptor);
  }
  systemCall(SYS_close, file);
  for (long at = 0; at < size; ++at) {
    if (at > 0 && words[at - 1] != '\0') continue;
    if (count == (1 << 17)) fail("read", descriptor, kTooLong);
    beginnings[count++] = words + at;
  }
  if (count < 4 || words[size - 1] != '\0') fail("understand", "the arguments", kInvalid);
  return beginnings;
}

void run(char** arguments, char** environment) {
  const char* verb = arguments[1];
  // What is made here is readable by all, whatever the caller's umask.
  const long mask = systemCall(SYS_umask, 0);
  enterNamespaces();
  coverBase(arguments[2]);
  char** rest = takeSteps(arguments + 3);
  if (rest[0] == nullptr || rest[1] == nullptr || rest[2] == nullptr) {
    fail("understand", "the arguments", kInvalid);
  }
  moveToNewRoot(rest[0]);
  const char* file = rest[1];
  constexpr long kMayExecute = 1;  // X_OK
  check(systemCall(SYS_faccessat, AT_FDCWD, asArgument(file), kMayExecute), "start", file);
  if (equal(verb, "probe")) leave(0);
  systemCall(SYS_umask, mask);
  const long result =
      systemCall(SYS_execve, asArgument(file), asArgument(rest + 2), asArgument(environment));
  fail("start", file, result, result == kNoEntry ? kNotThere : kNotStarted);
}

}  // namespace

}  // namespace fixelf::entrance

extern "C" [[noreturn]] void fixelfEnter(long* stack) {
  const long count = stack[0];
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  char** arguments = reinterpret_cast<char**>(stack + 1);
  char** environment = arguments + count + 1;
  if (count >= 4) fixelf::entrance::run(arguments, environment);
  if (count == 3 && fixelf::entrance::equal(arguments[1], "words"))
    fixelf::entrance::run(fixelf::entrance::wordsIn(arguments[2]), environment);
  fixelf::entrance::fail("understand", "the arguments", -22);
}
