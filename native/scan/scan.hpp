// A walk that runs ahead of whatever takes its results, batch by batch.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "scan/columns.hpp"
#include "scan/walk.hpp"

namespace fixelf {

struct Batch {
  FactsTable facts;
  Column branches = branchColumn();
  std::vector<Error> failures;
  std::vector<Link> links;
  // If lines are requested, one for each row (json_line.hpp).
  Column lines{"line", Column::Type::Text};
};

struct ScanOptions : WalkOptions {
  bool lines = false;
};

// At most a few batches wait to be taken: a slow reader slows the walk down, and memory use stays
// flat.
class Scan {
 public:
  Scan(std::vector<WalkRoot> roots, const ScanOptions& options, std::stop_token stop);
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // Walks until everything has been taken or it is told to stop; on a thread of its own.
  void run();
  // If there is no thread for run(): the first next() walks to the end, and all batches wait at
  // once.
  void runInNext() { unattended_ = true; }

  // Waits for the next batch; none at the end. Fails if a root cannot be listed, and with
  // Cancelled. For one caller at a time.
  Result<std::unique_ptr<Batch>> next();
  [[nodiscard]] const WalkProgress& progress() const { return progress_; }

 private:
  void take(Branch&& branch);
  void push(std::unique_ptr<Batch> batch);

  std::vector<WalkRoot> roots_;
  ScanOptions options_;
  WalkProgress progress_;
  std::stop_token stop_;
  std::unique_ptr<Batch> filling_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::unique_ptr<Batch>> ready_;
  bool ended_ = false;
  std::optional<Error> failure_;
  bool unattended_ = false;
};

}  // namespace fixelf
