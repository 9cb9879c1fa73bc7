// A walk that runs ahead of whoever takes its answers, batch by batch.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "scan/columns.hpp"
#include "scan/walk.hpp"

namespace fixelf {

struct Batch {
  FactsTable facts;
  Column branches = branchColumn();
  std::vector<Error> failures;
  std::vector<Link> links;
};

// Runs from the start until it has been read to the end, cancelled or destroyed. A few batches wait
// to be taken, no more: a slow reader slows the walk, and memory stays flat.
class Scan {
 public:
  Scan(std::vector<WalkRoot> roots, const WalkOptions& options);
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;
  ~Scan();

  // Waits for the next batch; none at the end. Fails where a root cannot be listed, and with
  // Cancelled. For one caller at a time.
  Result<std::unique_ptr<Batch>> next();
  void cancel();
  [[nodiscard]] const WalkProgress& progress() const { return progress_; }

 private:
  void run();
  void take(Branch&& branch);
  void push(std::unique_ptr<Batch> batch);

  std::vector<WalkRoot> roots_;
  WalkOptions options_;
  WalkProgress progress_;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<Batch> filling_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Batch>> ready_;
  bool ended_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace fixelf
