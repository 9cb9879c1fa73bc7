#include "patch/payload.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace fixelf {

namespace {

using Chunk = std::array<uint8_t, 16U << 10>;

std::span<uint8_t> upTo(Chunk& chunk, uint64_t size) {
  return std::span(chunk).first(static_cast<size_t>(std::min<uint64_t>(size, chunk.size())));
}

uint64_t zerosBefore(const Source& source, uint64_t end) {
  Chunk chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const uint64_t most = std::min(end, kMostRepeated);
  for (uint64_t zeros = 0; zeros < most;) {
    const auto bytes = upTo(chunk, most - zeros);
    if (!source.read(end - zeros - bytes.size(), bytes)) return zeros;
    const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](uint8_t byte) { return byte; });
    zeros += static_cast<uint64_t>(std::distance(bytes.rbegin(), last));
    if (last != bytes.rend()) return zeros;
  }
  return most;
}

bool isSame(const Source& source, uint64_t one, uint64_t other, uint64_t size) {
  Chunk first;   // NOLINT(cppcoreguidelines-pro-type-member-init)
  Chunk second;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (uint64_t at = 0; at < size; at += first.size()) {
    const auto here = upTo(first, size - at);
    const auto there = upTo(second, size - at);
    if (!source.read(one + at, here) || !source.read(other + at, there) ||
        !std::ranges::equal(here, there)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool isRepetition(const Source& source, const Overlay& payload, const ProgramHeader& area) {
  if (payload.offset != area.fileEnd() || payload.size > kMostRepeated) return false;
  // Zeros that the payload itself ends with are not alignment.
  const uint64_t own = zerosBefore(source, payload.offset + payload.size);
  const uint64_t all = zerosBefore(source, area.offset);
  if (all < own || area.offset - (all - own) < payload.size) return false;
  const uint64_t first = area.offset - (all - own) - payload.size;
  return isSame(source, first, payload.offset, payload.size);
}

}  // namespace fixelf
