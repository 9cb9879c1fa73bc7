// Bytes that one thread makes and another takes, piece by piece: both work at once, and little is
// held between them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/error.hpp"

namespace fixelf {

// What is done with each piece, in order; a piece is gone when it returns. After a failure there
// are no more.
using TakePiece = std::function<Status(std::span<const uint8_t>)>;

// `make` passes each piece to its argument and ends if that fails. Meanwhile `take` receives the
// pieces on another thread, or on the calling one if the system has no other.
//
// Both have ended when this returns, or throws what one of them has thrown. It fails as it would on
// one thread: with the failure of `take`, otherwise with that of `make`.
Status relay(const std::function<Status(const TakePiece&)>& make, const TakePiece& take);

}  // namespace fixelf
