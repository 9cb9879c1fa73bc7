// The same work on many items, on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include "base/descriptor.hpp"
#include "base/thread.hpp"

namespace fixelf {

// More threads than this only wait for the same disk, or for one another's descriptors: a thread
// has a directory or two open and a file in it.
inline unsigned threadsForDisk() {
  constexpr size_t kDescriptorsEach = 4;
  constexpr size_t kMost = 8;
  const size_t most = std::clamp<size_t>(freeDescriptors() / kDescriptorsEach, 1, kMost);
  return std::clamp(std::thread::hardware_concurrency(), 1U, static_cast<unsigned>(most));
}

// Calls work(0) … work(count - 1), each once, in any order, on `most` threads (0: as many as suit
// the disk). An exception from one of them is thrown here.
template <class Work>
void inParallel(size_t count, Work work, unsigned most = 0) {
  if (count <= 1) {
    if (count == 1) work(0);
    return;
  }
  // Asked only here: glibc reads a file of /sys to answer.
  const size_t wanted = std::min<size_t>(count, most == 0 ? threadsForDisk() : most);
  std::atomic<size_t> next{0};
  std::vector<std::exception_ptr> thrown(wanted);
  const auto run = [&](size_t self) {
    try {
      for (size_t at = next++; at < count; at = next++)
        work(at);
    } catch (...) {
      thrown[self] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(wanted - 1);
  for (size_t self = 1; self < wanted; ++self) {
    auto thread = startThread([&run, self] { run(self); });
    if (!thread) break;
    threads.push_back(std::move(*thread));
  }
  run(0);
  for (std::thread& thread : threads)
    thread.join();
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

}  // namespace fixelf
