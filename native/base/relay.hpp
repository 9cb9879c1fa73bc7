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

// `make` passes each piece to its argument and ends where that fails. Meanwhile `take` is given the
// pieces on another thread, or on the calling one where the system has no other for it.
//
// Both have ended when it returns, or throws what one of them has thrown. Fails as it would with
// one thread: with the failure of `take`, otherwise with that of `make`.
Status relay(const std::function<Status(const TakePiece&)>& make, const TakePiece& take);

}  // namespace fixelf
