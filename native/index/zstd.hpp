// Zstandard decompression (RFC 8878), as a stream from a file.
//
// nix-index keeps its database as one Zstandard stream. Node has had a decoder only since 22.15,
// one in JavaScript takes several times as long, and libzstd would be a whole library for one file
// format of another project. This is what that file needs: no dictionaries, no skippable frames
// inside a frame, no encoder.
//
// The input is hostile: every length is checked before it is used, and memory is bounded by the
// window, for which the frame's header may ask for 128 MiB (as `zstd -22 --ultra` does) and no
// more. Its pages are touched only as far as there is content.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/error.hpp"
#include "base/relay.hpp"

namespace fixelf {

// Decompresses what is in the file from `offset` on: frames one after another, to the end of the
// file. `take` receives the content in pieces of at most 128 KiB.
//
// Fails with Malformed or Truncated for what is not such a stream, LimitExceeded for a window of
// more than 128 MiB, Unsupported for a dictionary, Cancelled, Io, and with whatever `take` fails
// with.
Status decompressZstd(int descriptor, uint64_t offset, const std::string& path,
                      const std::stop_token& stop, const TakePiece& take);

}  // namespace fixelf
