#include "patch/names.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "elf/extent.hpp"

namespace fixelf {

uint64_t DynamicNames::nextStart(uint64_t from) const {
  for (uint64_t at = from; at < bytes_.size(); at = (at / 64 + 1) * 64) {
    const uint64_t bits = starts_[static_cast<size_t>(at / 64)] >> (at % 64);
    if (bits != 0)
      return std::min<uint64_t>(at + static_cast<uint64_t>(std::countr_zero(bits)), bytes_.size());
  }
  return bytes_.size();
}

// A name is live from where it is referred to up to its NUL: one sweep, however many there are.
void DynamicNames::findDeadRuns() {
  dead_.clear();
  if (keepAll_) return;
  for (uint64_t at = 0; at < bytes_.size();) {
    const uint64_t start = nextStart(at);
    if (start > at) dead_.push_back({at, start});
    if (start >= bytes_.size()) break;
    const void* end = std::memchr(&bytes_[static_cast<size_t>(start)], 0,
                                  bytes_.size() - static_cast<size_t>(start));
    if (end == nullptr) break;
    at = static_cast<uint64_t>(static_cast<const uint8_t*>(end) - bytes_.data()) + 1;
  }
}

namespace {

using Run = DynamicNames::Run;

// Takes ranges out of runs; both are in order and disjoint.
void cut(std::vector<Run>& runs, std::span<const Run> ranges) {
  std::vector<Run> rest;
  rest.reserve(runs.size() + ranges.size());
  auto range = ranges.begin();
  for (const Run& run : runs) {
    uint64_t at = run.start;
    while (range != ranges.end() && range->end <= at)
      ++range;
    for (auto each = range; each != ranges.end() && each->start < run.end; ++each) {
      if (each->start > at) rest.push_back({at, each->start});
      at = std::max(at, each->end);
    }
    if (at < run.end) rest.push_back({at, run.end});
  }
  runs = std::move(rest);
}

// The smallest run that is large enough.
const Run* smallest(const std::vector<Run>& runs, size_t size) {
  const Run* best = nullptr;
  for (const Run& run : runs) {
    if (run.size() >= size && (best == nullptr || run.size() < best->size())) best = &run;
  }
  return best;
}

}  // namespace

std::vector<DynamicNames::Run> DynamicNames::settle(const std::vector<uint64_t>& freed) {
  findDeadRuns();
  std::vector<Run> blanked;
  // If one of two is the tail of the other, the whole is one place.
  std::vector<uint64_t> indexes = freed;
  std::sort(indexes.begin(), indexes.end());
  for (const uint64_t index : indexes) {
    if (!left_.empty() && index < left_.back().end) continue;
    const auto run = std::upper_bound(dead_.begin(), dead_.end(), index,
                                      [](uint64_t at, const Run& each) { return at < each.end; });
    if (run == dead_.end() || index < run->start) continue;
    uint64_t end = index;
    while (end < run->end && bytes_[static_cast<size_t>(end)] != 0)
      bytes_[static_cast<size_t>(end++)] = kBlank;
    if (end > index) blanked.push_back({index, end});
    left_.push_back({index, std::min(end + 1, run->end)});  // with its NUL
  }
  cut(dead_, left_);
  return blanked;
}

void DynamicNames::revive(uint64_t start, uint64_t end) {
  const Run range{start, end};
  cut(dead_, {&range, 1});
  cut(left_, {&range, 1});
}

// All runs that nothing refers to, whatever left them.
std::vector<DynamicNames::Run> DynamicNames::allDead() const {
  std::vector<Run> parts(dead_.size() + left_.size());
  std::merge(dead_.begin(), dead_.end(), left_.begin(), left_.end(), parts.begin(),
             [](const Run& a, const Run& b) { return a.start < b.start; });
  std::vector<Run> runs;
  for (const Run& part : parts) {
    if (!runs.empty() && runs.back().end == part.start) {
      runs.back().end = part.end;
    } else {
      runs.push_back(part);
    }
  }
  return runs;
}

// Where the table holds a name that put() did not write.
std::optional<uint64_t> DynamicNames::find(const std::string& name) const {
  const auto* begin = reinterpret_cast<const uint8_t*>(name.c_str());
  // With the NUL; for a path of 60 bytes it looks at every sixtieth byte of the table.
  const std::boyer_moore_horspool_searcher searcher(begin, begin + name.size() + 1);
  for (auto from = bytes_.begin();;) {
    const auto found = std::search(from, bytes_.end(), searcher);
    if (found == bytes_.end()) return std::nullopt;
    const auto at = static_cast<uint64_t>(found - bytes_.begin());
    const auto put = std::find_if(written_.begin(), written_.end(),
                                  [&](const Run& run) { return run.start <= at && at < run.end; });
    if (put == written_.end()) return at;
    from = bytes_.begin() + static_cast<ptrdiff_t>(put->end);
  }
}

uint64_t DynamicNames::put(const std::string& name, bool search) {
  if (const auto known = placed_.find(name); known != placed_.end()) return known->second;
  const size_t size = name.size() + 1;
  const auto place = [&](uint64_t index) {
    revive(index, index + size);
    std::copy_n(name.c_str(), size, bytes_.begin() + static_cast<ptrdiff_t>(index));
    placed_.emplace(name, index);
    written_.push_back({index, index + size});
    return index;
  };
  const Run* left = smallest(left_, size);
  if (left != nullptr && left->size() == size) return place(left->start);
  if (search) {
    if (const auto found = find(name)) return place(*found);
  }
  if (const Run* dead = smallest(dead_, size)) return place(dead->start);
  const std::vector<Run> all = allDead();
  if (const Run* dead = smallest(all, size)) return place(dead->start);
  // Behind a released name, not over it: the table grows by no more than the new name, and the old
  // one's place is free for the next.
  const uint64_t index = bytes_.size();
  bytes_.resize(static_cast<size_t>(index + size), 0);
  return place(index);
}

namespace {

// What a released name leaves, if at least kLeastBlanks bytes: four of them then lie in one aligned
// word. All words are examined without a branch, many at once, which takes a tenth of the time of a
// search.
constexpr size_t kLeastBlanks = 7;

bool holdsBlanks(std::span<const uint8_t> bytes) {
  constexpr uint32_t kBlanks = DynamicNames::kBlank * 0x01010101U;
  constexpr size_t kAtOnce = 256;  // known to the compiler, so that it vectorizes
  uint32_t found = 0;
  const auto look = [&](size_t length) {
    for (size_t at = 0; at < length; at += sizeof(uint32_t)) {
      uint32_t word = 0;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      found |= word == kBlanks ? 1U : 0U;
    }
  };
  for (; bytes.size() >= kAtOnce; bytes = bytes.subspan(kAtOnce))
    look(kAtOnce);
  look(bytes.size() / sizeof(uint32_t) * sizeof(uint32_t));
  return found != 0;
}

// Of a table of megabytes only the two ends are examined. What an edit can release and no symbol
// refers to is there: bfd, lld and mold put the names of needed libraries, RUNPATH and soname
// before those of the symbols or behind them, and what we add goes to the end. gold scatters them.
constexpr uint64_t kSearchedSide = 256U << 10;

}  // namespace

Result<bool> holdsPlaceFor(const Source& source, const Piece& strings,
                           std::span<const std::string* const> names) {
  using Searcher = std::boyer_moore_horspool_searcher<const char*>;
  std::vector<Searcher> searchers;
  size_t longest = 0;
  size_t shortest = SIZE_MAX;
  for (const std::string* name : names) {
    if (name->size() < kLeastBlanks) return true;  // it may fit into fewer blanks
    searchers.emplace_back(name->c_str(), name->c_str() + name->size() + 1);
    longest = std::max(longest, name->size() + 1);
    shortest = std::min(shortest, name->size() + 1);
  }
  // What a table that has grown has left over, behind the end of its last name.
  if (shortest < strings.size &&
      isPadding(source, strings.offset + strings.size - shortest - 1, strings.end())) {
    return true;
  }
  // Each run begins with the end of the previous one, so that nothing is cut in two.
  const size_t overlap = longest;
  const size_t most = std::max<size_t>(64U << 10, 4 * overlap);
  const PageBuffer buffer(most + kPage);
  const auto isIn = [&](uint64_t from, uint64_t end) -> Result<bool> {
    for (uint64_t at = from; at < end;) {
      const auto length = static_cast<size_t>(std::min<uint64_t>(most, end - at));
      const uint64_t offset = strings.offset + at;
      const auto run = buffer.first(most + kPage).subspan(startInPage(offset), length);
      if (Status status = source.read(offset, run); !status) return status.error();
      if (holdsBlanks(run)) return true;
      const char* const text = reinterpret_cast<const char*>(run.data());
      for (const Searcher& searcher : searchers) {
        if (std::search(text, text + length, searcher) != text + length) return true;
      }
      if (length == end - at) break;
      at += length - overlap;
    }
    return false;
  };
  const uint64_t side = std::max<uint64_t>(kSearchedSide, most);
  if (strings.size <= 2 * side) return isIn(0, strings.size);
  auto atFront = isIn(0, side);
  return atFront && !*atFront ? isIn(strings.size - side, strings.size) : atFront;
}

}  // namespace fixelf
