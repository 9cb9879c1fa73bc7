// Content is made by one thread and taken by another, piece by piece: decompressing it and looking
// at it take about as long, and neither has to wait for the other.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/error.hpp"

namespace fixelf {

class PieceThread {
 public:
  // `take` is called for one piece after another, until it fails.
  explicit PieceThread(std::function<Status(std::span<const uint8_t>)> take);
  ~PieceThread();
  PieceThread(const PieceThread&) = delete;
  PieceThread& operator=(const PieceThread&) = delete;

  // The piece is copied. Fails with what an earlier one has failed with; throws what it threw.
  Status put(std::span<const uint8_t> piece);
  // Waits until all is taken. Fails as `put` does.
  Status finish();

 private:
  void run();
  Status outcome() const;

  std::function<Status(std::span<const uint8_t>)> take_;
  std::array<std::vector<uint8_t>, 4> pieces_;  // as many wait at most, one of them being taken
  size_t put_ = 0;
  size_t taken_ = 0;
  bool isWhole_ = false;
  std::optional<Error> failure_;
  std::exception_ptr thrown_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::thread> thread_;
};

}  // namespace fixelf
