#include "base/relay.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/thread.hpp"

namespace fixelf {

namespace {

// Between a maker and a taker of pieces. Pieces are copied, since their maker goes on writing in
// the same place.
class Relay {
 public:
  // Waits while as many pieces wait as may. Fails if the taker has failed.
  Status hand(std::span<const uint8_t> bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return taken_ || waiting_.size() < kMost; });
    if (taken_) return *taken_;
    std::vector<uint8_t> piece;
    if (!spare_.empty()) {
      piece = std::move(spare_.back());
      spare_.pop_back();
    }
    lock.unlock();
    piece.assign(bytes.begin(), bytes.end());
    lock.lock();
    waiting_.push_back(std::move(piece));
    changed_.notify_one();
    return Done{};
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    isClosed_ = true;
    changed_.notify_one();
  }

  // On the taker's thread, until `close`, or until `take` fails.
  void takeAll(const TakePiece& take) {
    Status outcome = Done{};
    try {
      for (std::optional<std::vector<uint8_t>> piece; outcome && (piece = next(std::move(piece)));)
        outcome = take(*piece);
    } catch (...) {
      thrown_ = std::current_exception();
      outcome = cancelled("taking");
    }
    const std::scoped_lock lock(mutex_);
    taken_ = std::move(outcome);
    changed_.notify_one();
  }

  // Once both have ended.
  Status taken() {
    if (thrown_) std::rethrow_exception(thrown_);
    return *taken_;
  }

 private:
  // Enough for one of the two to continue while the other is interrupted.
  static constexpr size_t kMost = 16;

  // None if there are no more. The previous one's memory is reused.
  std::optional<std::vector<uint8_t>> next(std::optional<std::vector<uint8_t>> before) {
    std::unique_lock lock(mutex_);
    if (before) spare_.push_back(std::move(*before));
    changed_.wait(lock, [this] { return isClosed_ || !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    std::vector<uint8_t> piece = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_one();
    return piece;
  }

  std::mutex mutex_;
  std::condition_variable changed_;  // one of the two waits for it, never both
  std::deque<std::vector<uint8_t>> waiting_;
  std::vector<std::vector<uint8_t>> spare_;
  bool isClosed_ = false;
  std::optional<Status> taken_;  // the taker has ended
  std::exception_ptr thrown_;
};

}  // namespace

Status relay(const std::function<Status(const TakePiece&)>& make, const TakePiece& take) {
  Relay between;
  auto taker = startThread([&] { between.takeAll(take); });
  if (!taker) return make(take);
  Status made = Done{};
  std::exception_ptr thrown;
  try {
    made = make([&](auto piece) { return between.hand(piece); });
  } catch (...) {
    thrown = std::current_exception();
  }
  between.close();
  taker->join();
  if (thrown) std::rethrow_exception(thrown);
  const Status taken = between.taken();
  return taken ? made : taken;
}

}  // namespace fixelf
