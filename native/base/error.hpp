// What can go wrong, as a value.
//
// The core never throws, prints or aborts: a scan of ten thousand hostile files needs ten thousand
// answers. Each fallible function returns a Result<T>; an Error has a kind, one plain sentence, the
// file that it is about and, if the kernel refused, the errno.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace fixelf {

enum class ErrorCode {
  NotFound,          // no such file
  PermissionDenied,  // the kernel returned EACCES or EPERM
  NotRegular,        // a directory, FIFO, socket or device where a file was expected
  NotElf,            // no ELF magic: a script, a text, an empty file
  Truncated,         // ELF, but shorter than its own headers say
  Malformed,         // ELF, but contradicting the gABI or itself
  Unsupported,       // well-formed, but nothing we can edit safely
  Changed,           // the file is not the one that was read earlier
  NoSpace,           // ENOSPC, EDQUOT or EFBIG
  Busy,              // ETXTBSY: the file is being executed
  LimitExceeded,     // more than we are willing to hold in memory
  NoUndoRecord,      // nothing is known about how to undo a change
  Usage,             // the request makes no sense
  Cancelled,         // the caller no longer wants it
  TooManyOpenFiles,  // EMFILE or ENFILE: no descriptor is left
  TooManyProcesses,  // no process can be started: RLIMIT_NPROC, a cgroup's pids.max
  Io,                // any other errno
};

// The stable name of a code, as in `FixelfError.code`: kebab-case.
const char* errorCodeName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::Io;
  std::string message;
  std::string path;
  int systemError = 0;  // errno, 0 if no system call failed

  // The same error, with the path it is about unless it already has one.
  Error at(const std::string& where) && {
    if (path.empty()) path = where;
    return std::move(*this);
  }
};

// Whether the process or the system lacks what it takes to examine any file now (EMFILE, ENFILE,
// ENOMEM): that says nothing about the file at hand, and must not become an answer.
bool isShortage(const Error& error);

// An Error for a failed system call; `doing` completes the sentence "cannot …".
Error systemError(int number, const std::string& doing, const std::string& path);

// An Error for work that was told to stop; `what` begins the sentence "… was cancelled".
Error cancelled(const std::string& what);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() { return *std::get_if<1>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

// A Result that carries only success.
struct Done {};
using Status = Result<Done>;

}  // namespace fixelf
