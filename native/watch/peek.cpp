#include "watch/peek.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstring>

#include "base/descriptor.hpp"
#include "base/location.hpp"

namespace fixelf {

namespace {

// The kernel grants a read lease only if no process has the file open for writing, including by a
// mapping (check_conflicting_open in fs/locks.c): requesting one is the only way to find out
// without searching /proc. It is given back at once. Where no lease is available (another user's
// file, a network file system), no writer is detected.
bool isBeingWritten(int descriptor) {
  // A process that opens the file for writing at this moment breaks the lease, which would be
  // signalled by SIGIO; that ends a process, SIGURG does not.
  if (fcntl(descriptor, F_SETSIG, SIGURG) != 0) return false;
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  (void)fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return false;
}

}  // namespace

Peek peek(const std::string& path) {
  struct stat state {};
  if (lstat(path.c_str(), &state) != 0) return Peek::Gone;
  if (S_ISLNK(state.st_mode)) return Peek::Link;
  if (!S_ISREG(state.st_mode)) return Peek::Other;
  const Descriptor file = openWithoutLinks(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return Peek::Gone;
  if (isBeingWritten(file.get())) return Peek::Writing;
  std::array<char, 4> magic{};
  const ssize_t length =
      uninterrupted([&] { return pread(file.get(), magic.data(), magic.size(), 0); });
  if (length == 4 && std::memcmp(magic.data(), "\177ELF", 4) == 0) return Peek::Elf;
  const bool executable = (state.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  const bool script = length >= 2 && magic[0] == '#' && magic[1] == '!';
  return script && executable ? Peek::Script : Peek::Other;
}

}  // namespace fixelf
