// Where libFuzzer enters. An execution that takes more than a second of processor time ends the
// process: libFuzzer's own -timeout uses the clock, which means nothing on a busy machine.
#include "target.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace fuzz {

void fail(std::string_view what, std::string_view which) {
  std::fprintf(stderr, "NOT AS IT HAS TO BE: %s%s\n", std::string(what).c_str(),
               std::string(which).c_str());
  std::abort();
}

namespace {

constexpr int64_t kMostNanoseconds = 1'000'000'000;

int64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const int64_t begin = fuzz::nanoseconds(CLOCK_MONOTONIC);
  fuzz::run(input);
  if (fuzz::nanoseconds(CLOCK_MONOTONIC) - begin < fuzz::kMostNanoseconds) return 0;
  // Reading the processor time is a system call, so it is only read for an input that was slow by
  // the clock.
  const int64_t start = fuzz::nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  fuzz::run(input);
  const int64_t spent = fuzz::nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
  if (spent >= fuzz::kMostNanoseconds)
    fuzz::fail(std::to_string(spent / 1'000'000), " ms of processor time");
  return 0;
}
