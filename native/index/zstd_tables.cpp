#include "index/zstd_tables.hpp"

#include <algorithm>

#include "index/zstd_bits.hpp"

namespace fixelf::zstd {

void FseTable::build(std::span<const int16_t> counts, unsigned accuracy) {
  const uint32_t size = 1U << accuracy;
  log = accuracy;
  entries.assign(size, {});
  std::array<uint16_t, 256> next{};
  uint32_t high = size - 1;
  for (size_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] == -1) {
      entries[high--].symbol = static_cast<uint8_t>(symbol);
      next[symbol] = 1;
    } else {
      next[symbol] = static_cast<uint16_t>(counts[symbol]);
    }
  }
  const uint32_t step = (size >> 1U) + (size >> 3U) + 3;
  uint32_t at = 0;
  for (size_t symbol = 0; symbol < counts.size(); ++symbol) {
    for (int count = 0; count < counts[symbol]; ++count) {
      entries[at].symbol = static_cast<uint8_t>(symbol);
      do
        at = (at + step) & (size - 1);
      while (at > high);
    }
  }
  for (Entry& entry : entries) {
    const uint32_t state = next[entry.symbol]++;
    entry.bits = static_cast<uint8_t>(accuracy - highestBit(state));
    entry.base = static_cast<uint16_t>((state << entry.bits) - size);
  }
}

void FseTable::single(uint8_t symbol) {
  log = 0;
  entries.assign(1, Entry{0, symbol, 0});
}

std::optional<size_t> readFseTable(std::span<const uint8_t> bytes, unsigned mostLog,
                                   unsigned mostSymbol, FseTable& table) {
  ForwardBits bits(bytes);
  const unsigned accuracy = bits.read(4) + 5;
  if (accuracy > mostLog) return std::nullopt;
  std::array<int16_t, 256> counts{};
  uint32_t remaining = 1U << accuracy;
  size_t symbol = 0;
  while (remaining > 0) {
    if (symbol > mostSymbol || bits.used() > bytes.size()) return std::nullopt;
    // Small values take one bit less, so that no code is left over.
    const unsigned width = highestBit(remaining + 1) + 1;
    uint32_t value = bits.peek(width);
    const uint32_t all = (1U << width) - 1;
    const uint32_t lower = all >> 1U;
    const uint32_t threshold = all - (remaining + 1);
    if ((value & lower) < threshold) {
      value &= lower;
      bits.skip(width - 1);
    } else {
      if (value > lower) value -= threshold;
      bits.skip(width);
    }
    const int count = static_cast<int>(value) - 1;
    const uint32_t taken = count < 0 ? 1U : static_cast<uint32_t>(count);
    if (taken > remaining) return std::nullopt;
    remaining -= taken;
    counts[symbol++] = static_cast<int16_t>(count);
    if (count != 0) continue;
    for (uint32_t repeat = 3; repeat == 3;) {
      repeat = bits.read(2);
      symbol += repeat;
      if (symbol > mostSymbol + 1) return std::nullopt;
      if (bits.used() > bytes.size()) return std::nullopt;
    }
  }
  if (symbol > mostSymbol + 1 || bits.used() > bytes.size()) return std::nullopt;
  table.build(std::span(counts).first(symbol), accuracy);
  return bits.used();
}

namespace {

// The last symbol's weight is the remainder, and is not written.
constexpr size_t kMostWeights = 255;

std::optional<size_t> weightsOf(std::span<const uint8_t> stream, const FseTable& table,
                                std::array<uint8_t, 256>& weights) {
  BackwardBits bits;
  if (!bits.open(stream)) return std::nullopt;
  std::array<uint64_t, 2> states{};
  for (uint64_t& state : states) {
    bits.refill();
    state = bits.read(table.log);
  }
  size_t count = 0;
  // Two states alternate. If too few bits are left for the next one, the other gives the last
  // weight.
  for (size_t turn = 0;; turn ^= 1U) {
    const FseTable::Entry& entry = table.entries[states[turn]];
    if (count >= kMostWeights - 1) return std::nullopt;
    weights[count++] = entry.symbol;
    if (!bits.refill()) return std::nullopt;
    states[turn] = entry.base + bits.read(entry.bits);
    if (!bits.isOverread()) continue;
    weights[count++] = table.entries[states[turn ^ 1U]].symbol;
    return count;
  }
}

}  // namespace

std::optional<size_t> readHuffmanTable(std::span<const uint8_t> bytes, HuffmanTable& table) {
  if (bytes.empty()) return std::nullopt;
  std::array<uint8_t, 256> weights{};
  size_t count = 0;
  size_t used = 1;
  const size_t head = bytes[0];
  if (head < 128) {
    used += head;
    if (used > bytes.size()) return std::nullopt;
    const auto described = bytes.subspan(1, head);
    FseTable table_of_weights;
    const auto size = readFseTable(described, 6, 255, table_of_weights);
    if (!size) return std::nullopt;
    const auto found = weightsOf(described.subspan(*size), table_of_weights, weights);
    if (!found) return std::nullopt;
    count = *found;
  } else {
    count = head - 127;
    used += (count + 1) / 2;
    if (used > bytes.size()) return std::nullopt;
    for (size_t index = 0; index < count; ++index) {
      const uint8_t pair = bytes[1 + index / 2];
      weights[index] = index % 2 == 0 ? static_cast<uint8_t>(pair >> 4U) : pair & 15U;
    }
  }
  uint32_t sum = 0;
  for (size_t index = 0; index < count; ++index) {
    if (weights[index] > HuffmanTable::kMostBits) return std::nullopt;
    if (weights[index] > 0) sum += 1U << (weights[index] - 1U);
  }
  if (sum == 0) return std::nullopt;
  const unsigned most = highestBit(sum) + 1;
  const uint32_t left = (1U << most) - sum;
  if (most > HuffmanTable::kMostBits || !std::has_single_bit(left)) return std::nullopt;
  weights[count++] = static_cast<uint8_t>(highestBit(left) + 1);
  // Codes of the lowest weight, which are the longest, come first; symbols of equal weight in
  // order.
  size_t at = 0;
  for (unsigned weight = 1; weight <= most; ++weight) {
    for (size_t symbol = 0; symbol < count; ++symbol) {
      if (weights[symbol] != weight) continue;
      const HuffmanTable::Entry entry{static_cast<uint8_t>(symbol),
                                      static_cast<uint8_t>(most + 1 - weight)};
      std::fill_n(table.entries.begin() + static_cast<std::ptrdiff_t>(at), 1U << (weight - 1),
                  entry);
      at += 1U << (weight - 1);
    }
  }
  table.bits = most;
  return used;
}

namespace {

// One refill makes five codes of eleven bits ready.
constexpr size_t kSymbolsEach = 5;

class Codes {
 public:
  explicit Codes(const HuffmanTable& table) : entries_(table.entries.data()), bits_(table.bits) {}

  uint8_t next(BackwardBits& bits) const {
    const HuffmanTable::Entry entry = entries_[bits.peek(bits_)];
    bits.skip(entry.bits);
    return entry.symbol;
  }

 private:
  const HuffmanTable::Entry* entries_;
  unsigned bits_;
};

bool finish(const Codes& codes, BackwardBits bits, std::span<uint8_t> out) {
  for (uint8_t& symbol : out) {
    if (!bits.refill()) return false;
    symbol = codes.next(bits);
  }
  bits.refill();
  return bits.isDone();
}

}  // namespace

bool decodeHuffmanStream(const HuffmanTable& table, std::span<const uint8_t> stream,
                         std::span<uint8_t> out) {
  BackwardBits bits;
  return bits.open(stream) && finish(Codes(table), bits, out);
}

bool decodeHuffmanStreams(const HuffmanTable& table,
                          const std::array<std::span<const uint8_t>, 4>& streams,
                          const std::array<std::span<uint8_t>, 4>& outs) {
  std::array<BackwardBits, 4> bits;
  for (size_t index = 0; index < 4; ++index) {
    if (!bits[index].open(streams[index])) return false;
  }
  // In local variables, which storing a byte cannot change: they stay in registers.
  auto [first, second, third, fourth] = bits;
  const std::array outsNow{outs[0].data(), outs[1].data(), outs[2].data(), outs[3].data()};
  const Codes codes(table);
  const size_t shortest =
      std::min({outs[0].size(), outs[1].size(), outs[2].size(), outs[3].size()});
  size_t done = 0;
  while (done + kSymbolsEach <= shortest && first.isDeep() && second.isDeep() && third.isDeep() &&
         fourth.isDeep()) {
    if (!first.refill() || !second.refill() || !third.refill() || !fourth.refill()) return false;
    for (const size_t end = done + kSymbolsEach; done < end; ++done) {
      outsNow[0][done] = codes.next(first);
      outsNow[1][done] = codes.next(second);
      outsNow[2][done] = codes.next(third);
      outsNow[3][done] = codes.next(fourth);
    }
  }
  return finish(codes, first, outs[0].subspan(done)) &&
         finish(codes, second, outs[1].subspan(done)) &&
         finish(codes, third, outs[2].subspan(done)) &&
         finish(codes, fourth, outs[3].subspan(done));
}

}  // namespace fixelf::zstd
