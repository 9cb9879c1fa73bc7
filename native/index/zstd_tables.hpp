// The two codes of Zstandard, as tables to decode with (RFC 8878, 4.1 and 4.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fixelf::zstd {

// Finite state entropy: a state gives a symbol, and with some bits the next state.
struct FseTable {
  struct Entry {
    uint16_t base = 0;  // of the next state
    uint8_t symbol = 0;
    uint8_t bits = 0;  // to be read and added to it
  };
  std::vector<Entry> entries;
  unsigned log = 0;

  // Builds it from the frequencies of the symbols: -1 is "less than once". They have to add up.
  void build(std::span<const int16_t> counts, unsigned accuracy);
  // The table of a single symbol.
  void single(uint8_t symbol);
};

// Reads the frequencies of a table that precedes its data. Returns how many bytes they take; none
// if they contradict themselves, or need more than `mostLog` or a symbol above `mostSymbol`.
std::optional<size_t> readFseTable(std::span<const uint8_t> bytes, unsigned mostLog,
                                   unsigned mostSymbol, FseTable& table);

// A prefix code for literals: the next bits, as many as the longest code has, give a symbol and its
// length.
struct HuffmanTable {
  struct Entry {
    uint8_t symbol = 0;
    uint8_t bits = 0;
  };
  static constexpr unsigned kMostBits = 11;
  std::array<Entry, 1U << kMostBits> entries;
  unsigned bits = 0;  // 0: there is none yet
};

// Returns how many bytes the description takes; none if it is damaged.
std::optional<size_t> readHuffmanTable(std::span<const uint8_t> bytes, HuffmanTable& table);

// Decodes one stream; all of `out` and all of the stream have to be used.
bool decodeHuffmanStream(const HuffmanTable& table, std::span<const uint8_t> stream,
                         std::span<uint8_t> out);
// Four of them at once, which a processor handles side by side.
bool decodeHuffmanStreams(const HuffmanTable& table,
                          const std::array<std::span<const uint8_t>, 4>& streams,
                          const std::array<std::span<uint8_t>, 4>& outs);

}  // namespace fixelf::zstd
