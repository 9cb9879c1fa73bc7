// Whether compressed data begins at an offset.
//
// A few bytes of magic occur by chance in any large file, and programs that unpack such data have
// the magic numbers in their code. So each format's header is checked as far as it goes: a checksum
// where there is one, the structure behind it where there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "scan/mention.hpp"

namespace fixelf {

// How many bytes from the magic number on recognise() may look at. More is read from the file.
constexpr size_t kCompressedHeader = 1024;

// `bytes` begins at the magic number and holds kCompressedHeader bytes, or all up to the file's
// end. `left` is how far it is to the end of the file.
std::optional<Compression> recognise(std::span<const uint8_t> bytes, uint64_t left);

// Zstandard has no checksum in its header. Follows the frame's blocks from one to the next; reads a
// few bytes for each of at most 16. `size` is the file's. Also false where it cannot be read.
bool isZstdFrame(int descriptor, uint64_t size, uint64_t offset);

}  // namespace fixelf
