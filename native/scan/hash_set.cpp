#include "scan/hash_set.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fixelf {

HashSet::HashSet(std::string_view hashes) {
  for (; hashes.size() >= kLength; hashes.remove_prefix(kLength))
    sorted_.emplace_back(hashes.substr(0, kLength));
  std::sort(sorted_.begin(), sorted_.end());
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
  if (sorted_.empty()) return;
  // 32 bits for each hash: the filter lets through about 3 % of the unknown ones.
  const size_t bits = std::max<size_t>(std::bit_ceil(sorted_.size() * 32), 1024);
  filter_.resize(bits / 64);
  filterShift_ = static_cast<unsigned>(64 - std::countr_zero(bits));
  for (const std::string& hash : sorted_) {
    const size_t bit = filterBit(reinterpret_cast<const uint8_t*>(hash.data()));
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

size_t HashSet::filterBit(const uint8_t* bytes) const {
  uint64_t beginning = 0;
  std::memcpy(&beginning, bytes, sizeof beginning);
  // Multiplying by 2^64 over the golden ratio brings all bits into the highest ones.
  return static_cast<size_t>((beginning * 0x9e3779b97f4a7c15U) >> filterShift_);
}

bool HashSet::contains(const uint8_t* bytes) const {
  if (sorted_.empty()) return false;
  const size_t bit = filterBit(bytes);
  if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) return false;
  const std::string_view hash(reinterpret_cast<const char*>(bytes), kLength);
  return std::binary_search(sorted_.begin(), sorted_.end(), hash);
}

}  // namespace fixelf
