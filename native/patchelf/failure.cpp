#include "patchelf/failure.hpp"

#include <cstring>

namespace fixelf::patchelf {

Error failure(ErrorCode code, std::string message) {
  return Error{code, std::move(message), {}, 0};
}

Error systemFailure(int number, const std::string& doing) {
  Error error = systemError(number, doing, {});
  error.message = doing + ": " + std::strerror(number);
  return error;
}

Error cannotFind(const std::string& section) {
  return failure(ErrorCode::Unsupported, "cannot find section '" + section +
                                             "'. The input file is most likely statically linked");
}

std::string messageOf(const Error& error) {
  const bool isNamed = error.path.empty() || error.message.find(error.path) != std::string::npos;
  return isNamed ? error.message : error.path + ": " + error.message;
}

}  // namespace fixelf::patchelf
