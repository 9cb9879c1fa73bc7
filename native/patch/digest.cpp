#include "patch/digest.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/descriptor.hpp"
#include "base/page_buffer.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fixelf {

struct Digest::State {
  XXH3_state_t hash;
};

Digest::Digest() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->hash);
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::add(std::span<const uint8_t> bytes) {
  XXH3_64bits_update(&state_->hash, bytes.data(), bytes.size());
}

uint64_t Digest::value() const {
  return XXH3_64bits_digest(&state_->hash);
}

Result<uint64_t> digestOf(int descriptor, uint64_t size, const std::string& path) {
  constexpr uint64_t kChunk = 64U << 10;
  const PageBuffer buffer(static_cast<size_t>(std::min(size, kChunk)));
  Digest digest;
  for (uint64_t at = 0; at < size;) {
    const auto wanted =
        buffer.first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), size - at)));
    const ssize_t count = uninterrupted(
        [&] { return pread(descriptor, wanted.data(), wanted.size(), static_cast<off_t>(at)); });
    if (count < 0) return systemError(errno, "read the file", path);
    if (count == 0) return Error{ErrorCode::Changed, "the file was truncated meanwhile", path, 0};
    digest.add(wanted.first(static_cast<size_t>(count)));
    at += static_cast<uint64_t>(count);
  }
  return digest.value();
}

}  // namespace fixelf
