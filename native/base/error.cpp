#include "base/error.hpp"

#include <cerrno>
#include <cstring>

namespace fixelf {

const char* errorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotFound:
      return "not-found";
    case ErrorCode::PermissionDenied:
      return "permission-denied";
    case ErrorCode::NotRegular:
      return "not-a-regular-file";
    case ErrorCode::NotElf:
      return "not-elf";
    case ErrorCode::Truncated:
      return "truncated";
    case ErrorCode::Malformed:
      return "malformed";
    case ErrorCode::Unsupported:
      return "unsupported";
    case ErrorCode::Changed:
      return "changed";
    case ErrorCode::NoSpace:
      return "no-space";
    case ErrorCode::Busy:
      return "busy";
    case ErrorCode::LimitExceeded:
      return "limit-exceeded";
    case ErrorCode::NoUndoRecord:
      return "no-undo-record";
    case ErrorCode::Usage:
      return "usage";
    case ErrorCode::Cancelled:
      return "cancelled";
    case ErrorCode::TooManyOpenFiles:
      return "too-many-open-files";
    case ErrorCode::TooManyProcesses:
      return "too-many-processes";
    case ErrorCode::Io:
      return "io";
  }
  return "io";
}

namespace {

ErrorCode codeOf(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::NotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::PermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::NoSpace;
    case ETXTBSY:
      return ErrorCode::Busy;
    case EMFILE:
    case ENFILE:
      return ErrorCode::TooManyOpenFiles;
    default:
      return ErrorCode::Io;
  }
}

}  // namespace

Error systemError(int number, const std::string& doing, const std::string& path) {
  return Error{codeOf(number), "cannot " + doing + ": " + std::strerror(number), path, number};
}

bool isShortage(const Error& error) {
  return error.systemError == EMFILE || error.systemError == ENFILE || error.systemError == ENOMEM;
}

Error cancelled(const std::string& what) {
  return Error{ErrorCode::Cancelled, what + " was cancelled", {}, 0};
}

}  // namespace fixelf
