#include "index/piece_thread.hpp"

#include <utility>

#include "base/thread.hpp"

namespace fixelf {

PieceThread::PieceThread(std::function<Status(std::span<const uint8_t>)> take)
    : take_(std::move(take)), thread_(startThread([this] { run(); })) {}

PieceThread::~PieceThread() {
  {
    const std::scoped_lock lock(mutex_);
    isWhole_ = true;
  }
  changed_.notify_all();
  if (thread_ && thread_->joinable()) thread_->join();
}

Status PieceThread::put(std::span<const uint8_t> piece) {
  if (!thread_) return take_(piece);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return put_ - taken_ < pieces_.size() || failure_ || thrown_; });
  if (failure_ || thrown_) return outcome();
  std::vector<uint8_t>& place = pieces_[put_ % pieces_.size()];
  // Nobody else looks at a place that is free.
  lock.unlock();
  place.assign(piece.begin(), piece.end());
  lock.lock();
  ++put_;
  lock.unlock();
  changed_.notify_all();
  return Done{};
}

Status PieceThread::finish() {
  if (!thread_) return Done{};
  {
    const std::scoped_lock lock(mutex_);
    isWhole_ = true;
  }
  changed_.notify_all();
  thread_->join();
  return outcome();
}

void PieceThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return put_ > taken_ || isWhole_; });
    if (put_ == taken_) return;
    const std::vector<uint8_t>& piece = pieces_[taken_ % pieces_.size()];
    lock.unlock();
    Status status = Done{};
    std::exception_ptr thrown;
    try {
      status = take_(piece);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    ++taken_;
    thrown_ = thrown;
    if (!status) failure_ = status.error();
    changed_.notify_all();
    if (failure_ || thrown_) return;
  }
}

Status PieceThread::outcome() const {
  if (thrown_) std::rethrow_exception(thrown_);
  return failure_ ? Status(*failure_) : Status(Done{});
}

}  // namespace fixelf
