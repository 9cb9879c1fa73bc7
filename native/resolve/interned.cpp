#include "resolve/interned.hpp"

namespace fixelf {

Interned InternedStrings::operator()(std::string_view text) {
  // By the upper half: the lower bits choose the bucket.
  Shard& shard = shards_[(Hash{}(text) >> sizeof(size_t) * 4) % kShards];
  const std::lock_guard lock(shard.mutex);
  auto found = shard.texts.find(text);
  if (found == shard.texts.end()) found = shard.texts.emplace(text).first;
  return Interned(&*found);
}

}  // namespace fixelf
