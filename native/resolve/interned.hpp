// Strings of which there is only one copy each.
//
// The same few thousand names and paths occur in all resolutions of a machine. With one copy of
// each, an answer holds pointers, equal names have equal addresses, and a caller that passes the
// answers on translates each string once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace fixelf {

// One of them, or none. Valid as long as its InternedStrings, and only comparable with others of
// the same.
class Interned {
 public:
  Interned() = default;

  explicit operator bool() const { return text_ != nullptr; }
  const std::string& operator*() const { return *text_; }
  const std::string* operator->() const { return text_; }

  bool operator==(const Interned&) const = default;
  // The order means nothing: it is for searching.
  friend bool operator<(Interned left, Interned right) {
    return std::less<>{}(left.text_, right.text_);
  }

 private:
  friend class InternedStrings;
  friend struct std::hash<Interned>;
  explicit Interned(const std::string* text) : text_(text) {}

  const std::string* text_ = nullptr;
};

// Safe for use by several threads. A string is kept until the end.
class InternedStrings {
 public:
  Interned operator()(std::string_view text);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  // In shards, as in Memo.
  static constexpr size_t kShards = 32;
  struct Shard {
    std::mutex mutex;
    std::unordered_set<std::string, Hash, std::equal_to<>> texts;
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace fixelf

template <>
struct std::hash<fixelf::Interned> {
  size_t operator()(fixelf::Interned text) const {
    // Strings are aligned, so the lowest bits are all the same.
    return reinterpret_cast<uintptr_t>(text.text_) >> 4U;
  }
};
