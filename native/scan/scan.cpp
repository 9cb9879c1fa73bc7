#include "scan/scan.hpp"

#include "scan/json_line.hpp"

namespace fixelf {

namespace {

// Where a batch ends: by its content and not by the clock, so that the same tree always gives the
// same batches.
constexpr uint32_t kRows = 1024;
constexpr size_t kWeight = size_t{4} << 20;
constexpr size_t kOthers = 8192;
constexpr size_t kText = size_t{32} << 20;  // of lines, which grow even with empty names
constexpr size_t kReady = 4;

bool isFull(const Batch& batch) {
  return batch.facts.rows() >= kRows || batch.facts.weight() >= kWeight ||
         batch.lines.values.size() >= kText ||
         batch.branches.length + batch.failures.size() + batch.links.size() >= kOthers;
}

}  // namespace

Scan::Scan(std::vector<WalkRoot> roots, const ScanOptions& options, std::stop_token stop)
    : roots_(std::move(roots)),
      options_(options),
      stop_(std::move(stop)),
      filling_(std::make_unique<Batch>()) {}

void Scan::run() {
  Status status = walk(roots_, options_, stop_, progress_,
                       [this](Branch&& branch) { take(std::move(branch)); });
  if (status) push(std::move(filling_));
  const std::lock_guard lock(mutex_);
  if (!status) failure_ = std::move(status.error());
  ended_ = true;
  changed_.notify_all();
}

void Scan::take(Branch&& branch) {
  uint32_t firstRow = filling_->facts.rows();
  const auto tell = [&](bool last) {
    appendBranch(filling_->branches, branch.path, firstRow, filling_->facts.rows() - firstRow,
                 last);
  };
  const auto cut = [&] {
    tell(false);
    push(std::exchange(filling_, std::make_unique<Batch>()));
    firstRow = 0;
  };
  for (const std::unique_ptr<Facts>& facts : branch.elf) {
    if (isFull(*filling_)) cut();
    filling_->facts.append(*facts);
    if (options_.lines) filling_->lines.text(jsonLine(*facts));
  }
  std::move(branch.failures.begin(), branch.failures.end(), std::back_inserter(filling_->failures));
  std::move(branch.links.begin(), branch.links.end(), std::back_inserter(filling_->links));
  tell(branch.last);
  if (isFull(*filling_)) push(std::exchange(filling_, std::make_unique<Batch>()));
}

void Scan::push(std::unique_ptr<Batch> batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop_, [this] { return ready_.size() < kReady || unattended_; });
  ready_.push_back(std::move(batch));
  changed_.notify_all();
}

Result<std::unique_ptr<Batch>> Scan::next() {
  if (unattended_ && !ended_) run();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop_, [this] { return !ready_.empty() || ended_; });
  if (stop_.stop_requested()) return cancelled("the scan");
  if (!ready_.empty()) {
    std::unique_ptr<Batch> batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
  }
  if (failure_) return *failure_;
  return std::unique_ptr<Batch>();
}

}  // namespace fixelf
