// Starting a thread when the system may have no more of them.
#pragma once

#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace fixelf {

// None if the system refuses: RLIMIT_NPROC, a cgroup's pids.max, no memory for the stack
// (pthread_create(3), EAGAIN). The caller continues with fewer, or with the calling thread alone.
template <class Work>
std::optional<std::thread> startThread(Work&& work) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

}  // namespace fixelf
