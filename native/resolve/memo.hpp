// Values that are computed once and requested by several threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace fixelf {

// In shards, so that threads seldom wait for one another: a contended lock costs as much as a
// hundred lookups.
template <class Key, class Value, class Hash = std::hash<Key>>
class Memo {
 public:
  // The value of `key`, which make() computes if it is not known yet. No lock is held meanwhile; if
  // two threads compute it at once, the first answer stays. It stays valid until clear(): an
  // unordered_map's elements never move.
  template <class Make>
  const Value& of(const Key& key, Make make) {
    Shard& shard = shards_[mixed(Hash{}(key)) % kShards];
    {
      const std::lock_guard lock(shard.mutex);
      if (auto found = shard.values.find(key); found != shard.values.end()) return found->second;
    }
    Value value = make();
    const std::lock_guard lock(shard.mutex);
    return shard.values.try_emplace(key, std::move(value)).first->second;
  }

  // Not to be called while other threads ask.
  void clear() {
    for (Shard& shard : shards_)
      shard.values.clear();
  }

 private:
  static constexpr size_t kShards = 32;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, Value, Hash> values;
  };
  // The bits of a hash that choose the shard must not be those that choose the bucket within it.
  static uint64_t mixed(uint64_t hash) { return hash * 0x9e3779b97f4a7c15U >> 48U; }

  std::array<Shard, kShards> shards_;
};

}  // namespace fixelf
