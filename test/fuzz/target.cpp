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

int64_t processorTime() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int64_t start = fuzz::processorTime();
  fuzz::run({data, size});
  const int64_t spent = fuzz::processorTime() - start;
  if (spent >= fuzz::kMostNanoseconds)
    fuzz::fail(std::to_string(spent / 1'000'000), " ms of processor time");
  return 0;
}
