// Whether compressed data begins at an offset.
//
// A few bytes of magic occur by chance in any large file, and programs that unpack such data have
// the magic numbers in their code. So each format's header is checked as far as possible: its
// checksum if it has one, otherwise the structure behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "scan/mention.hpp"

namespace fixelf {

// How many bytes, counted from the magic number, recognise() may examine. More is read from the
// file.
constexpr size_t kCompressedHeader = 1024;

// `bytes` begins at the magic number and holds kCompressedHeader bytes, or all up to the end of the
// file. `left` is the distance to the end of the file.
std::optional<Compression> recognise(std::span<const uint8_t> bytes, uint64_t left);

// Zstandard has no checksum in its header. Follows the frame's blocks from one to the next, reading
// a few bytes for each of at most 16. `size` is the file's. Also false if it cannot be read.
bool isZstdFrame(int descriptor, uint64_t size, uint64_t offset);

}  // namespace fixelf
