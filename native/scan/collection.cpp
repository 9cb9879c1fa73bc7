#include "scan/collection.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace fixelf {

namespace {

bool isBefore(const auto& one, const auto& other) {
  if constexpr (requires { one.what.place; }) {
    return std::tie(one.file, one.what.place, one.anchor, one.what.kind, one.what.text) <
           std::tie(other.file, other.what.place, other.anchor, other.what.kind, other.what.text);
  } else {
    return std::tie(one.file, one.anchor, one.what.kind) <
           std::tie(other.file, other.anchor, other.what.kind);
  }
}

// Keeps the earlier of the two places, and the sum of the counts.
void unite(auto& entry, auto&& other) {
  const uint64_t count = entry.what.count + other.what.count;
  if (isBefore(other, entry)) entry = std::forward<decltype(other)>(other);
  entry.what.count = count;
}

}  // namespace

void Collection::mention(MentionKind kind, Spelling spelling, std::string_view text,
                         const Spot& spot) {
  key_.assign(1, static_cast<char>(kind));
  key_ += static_cast<char>(spelling);
  key_ += text;
  const auto known = mentions_.find(key_);
  if (known == mentions_.end()) {
    if (mentions_.size() >= limits_.mentions || textBytes_ >= limits_.textBytes) {
      ++moreMentions_;
      return;
    }
    textBytes_ += text.size();
    mentions_.emplace(key_, Entry<Mention>{{kind, spelling, std::string(text), spot.path,
                                            spot.place, spot.offset, 1},
                                           spot.file,
                                           spot.anchor});
    return;
  }
  ++known->second.what.count;
}

void Collection::compressed(Compression kind, const Spot& spot) {
  const uint64_t key = spot.file << 3 | static_cast<uint64_t>(kind);
  const auto known = compressed_.find(key);
  if (known != compressed_.end()) {
    ++known->second.what.count;
  } else if (compressed_.size() >= limits_.compressed) {
    ++moreCompressed_;
  } else {
    compressed_.emplace(
        key, Entry<Compressed>{{kind, spot.path, spot.offset, 1}, spot.file, spot.anchor});
  }
}

void Collection::merge(Collection&& other) {
  for (auto& [key, entry] : other.mentions_) {
    const auto [known, isNew] = mentions_.try_emplace(key, std::move(entry));
    if (!isNew) unite(known->second, std::move(entry));
  }
  for (auto& [key, entry] : other.compressed_) {
    const auto [known, isNew] = compressed_.try_emplace(key, std::move(entry));
    if (!isNew) unite(known->second, std::move(entry));
  }
  moreMentions_ += other.moreMentions_;
  moreCompressed_ += other.moreCompressed_;
}

Collection::Answer Collection::take() {
  const auto inOrder = [](auto& entries) {
    std::vector<std::decay_t<decltype(entries.begin()->second)>> ordered;
    ordered.reserve(entries.size());
    for (auto& [key, entry] : entries)
      ordered.push_back(std::move(entry));
    entries.clear();
    std::sort(ordered.begin(), ordered.end(),
              [](const auto& one, const auto& other) { return isBefore(one, other); });
    return ordered;
  };
  Answer answer;
  answer.moreMentions = moreMentions_;
  answer.moreCompressed = moreCompressed_;
  size_t textBytes = 0;
  for (auto& entry : inOrder(mentions_)) {
    if (answer.mentions.size() < limits_.mentions && textBytes < limits_.textBytes) {
      textBytes += entry.what.text.size();
      answer.mentions.push_back(std::move(entry.what));
    } else {
      answer.moreMentions += entry.what.count;
    }
  }
  for (auto& entry : inOrder(compressed_)) {
    if (answer.compressed.size() < limits_.compressed)
      answer.compressed.push_back(std::move(entry.what));
    else
      answer.moreCompressed += entry.what.count;
  }
  return answer;
}

}  // namespace fixelf
