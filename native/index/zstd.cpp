#include "index/zstd.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/descriptor.hpp"
#include "base/page_buffer.hpp"
#include "index/zstd_bits.hpp"
#include "index/zstd_tables.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fixelf {

namespace {

using zstd::BackwardBits;
using zstd::decodeHuffmanStream;
using zstd::decodeHuffmanStreams;
using zstd::FseTable;
using zstd::HuffmanTable;
using zstd::loadLittleEndian;
using zstd::readFseTable;
using zstd::readHuffmanTable;

constexpr uint64_t kLargestWindow = 128U << 20;
constexpr size_t kLargestBlock = 128U << 10;
// Copies are made in steps of 16 bytes, which may go beyond their end.
constexpr size_t kSlack = 32;

Error malformed(const char* what, const std::string& path) {
  return {ErrorCode::Malformed, std::string("its Zstandard stream is damaged: ") + what, path, 0};
}

// The file, read from front to back.
class Input {
 public:
  Input(int descriptor, uint64_t offset, const std::string& path)
      : descriptor_(descriptor), offset_(offset), path_(path), bytes_(1U << 20) {}

  // The next bytes, at most kLargestBlock, of which `count` have to exist. They are valid until the
  // next call.
  Result<std::span<const uint8_t>> take(size_t count) {
    if (auto there = fill(count); !there) return there.error();
    if (end_ - begin_ < count)
      return Error{ErrorCode::Truncated, "its Zstandard stream ends too early", path_, 0};
    const std::span<const uint8_t> taken = bytes_.first(end_).subspan(begin_, count);
    begin_ += count;
    return taken;
  }

  Result<bool> isAtEnd() {
    if (auto there = fill(1); !there) return there.error();
    return begin_ == end_;
  }

 private:
  Status fill(size_t count) {
    if (end_ - begin_ >= count) return Done{};
    const std::span<uint8_t> bytes = bytes_.first(bytes_.size());
    std::ranges::copy(bytes.subspan(begin_, end_ - begin_), bytes.begin());
    end_ -= begin_;
    begin_ = 0;
    while (end_ < count) {
      const ssize_t size = uninterrupted([&] {
        return pread(descriptor_, bytes.data() + end_, bytes.size() - end_,
                     static_cast<off_t>(offset_));
      });
      if (size < 0) return systemError(errno, "read the file", path_);
      if (size == 0) break;
      end_ += static_cast<size_t>(size);
      offset_ += static_cast<uint64_t>(size);
    }
    return Done{};
  }

  int descriptor_;
  uint64_t offset_;
  const std::string& path_;
  PageBuffer bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

struct FrameHeader {
  uint64_t window = 0;
  std::optional<uint64_t> size;
  bool hasChecksum = false;
};

// RFC 8878, 3.1.1.1.
Result<FrameHeader> readHeader(Input& input, const std::string& path) {
  const auto first = input.take(1);
  if (!first) return first.error();
  const unsigned descriptor = (*first)[0];
  if ((descriptor & 8U) != 0) return malformed("a reserved bit is set", path);
  FrameHeader header;
  header.hasChecksum = (descriptor & 4U) != 0;
  const bool isSingle = (descriptor & 32U) != 0;
  if (!isSingle) {
    const auto window = input.take(1);
    if (!window) return window.error();
    const uint64_t base = uint64_t{1} << (10U + ((*window)[0] >> 3U));
    header.window = base + base / 8 * ((*window)[0] & 7U);
  }
  static constexpr std::array<size_t, 4> kDictionarySizes{0, 1, 2, 4};
  if (const size_t size = kDictionarySizes[descriptor & 3U]; size > 0) {
    const auto dictionary = input.take(size);
    if (!dictionary) return dictionary.error();
    if (loadLittleEndian(dictionary->data(), size) != 0)
      return Error{ErrorCode::Unsupported, "its Zstandard stream needs a dictionary", path, 0};
  }
  const unsigned flag = descriptor >> 6U;
  if (flag > 0 || isSingle) {
    const size_t width = size_t{1} << flag;
    const auto size = input.take(width);
    if (!size) return size.error();
    header.size = loadLittleEndian(size->data(), width) + (flag == 1 ? 256 : 0);
    if (isSingle) header.window = *header.size;
  }
  if (header.window > kLargestWindow)
    return Error{ErrorCode::LimitExceeded,
                 "its Zstandard stream needs a window of more than 128 MiB", path, 0};
  return header;
}

// A code for lengths and offsets: what to add to a base (RFC 8878, 3.1.1.3.2.1.1).
struct Code {
  uint32_t base;
  uint8_t bits;
};

constexpr size_t kLiteralCodes = 36;
constexpr size_t kMatchCodes = 53;
constexpr size_t kOffsetCodes = 32;
// The log of the most states that any of their tables has.
constexpr unsigned kMostSequenceLog = 9;

template <size_t Count>
constexpr std::array<Code, Count> codes(uint32_t base, size_t plain,
                                        const std::array<uint8_t, Count>& bits) {
  std::array<Code, Count> all{};
  for (size_t index = 0; index < Count; ++index) {
    const uint8_t width = index < plain ? uint8_t{0} : bits[index - plain];
    all[index] = {base, width};
    base += 1U << width;
  }
  return all;
}

constexpr auto kLiteralLengths = codes<kLiteralCodes>(
    0, 16, {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
constexpr auto kMatchLengths = codes<kMatchCodes>(
    3, 32, {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});

constexpr auto kOffsets = [] {
  std::array<Code, kOffsetCodes> all{};
  for (size_t index = 0; index < kOffsetCodes; ++index)
    all[index] = {1U << index, static_cast<uint8_t>(index)};
  return all;
}();

constexpr std::array<int16_t, kLiteralCodes> kUsualLiteralLengths{
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
    2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
constexpr std::array<int16_t, kMatchCodes> kUsualMatchLengths{
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
constexpr std::array<int16_t, 29> kUsualOffsets{1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                                1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};

struct Sequence {
  uint32_t literals;
  uint32_t match;
  uint64_t offset;
};

// An FSE table whose symbols are codes: a state directly gives what its code means.
class CodeTable {
 public:
  struct Entry {
    uint16_t next;  // to add the `bits` to, for the next state
    uint8_t bits;
    uint8_t moreBits;  // to add to `base`
    uint32_t base;
  };

  template <size_t Count>
  void build(const FseTable& table, const std::array<Code, Count>& codes) {
    log_ = table.log;
    for (size_t state = 0; state < table.entries.size(); ++state) {
      const FseTable::Entry& entry = table.entries[state];
      const Code code = codes[entry.symbol];
      entries_[state] = {entry.base, entry.bits, code.bits, code.base};
    }
  }
  [[nodiscard]] const Entry* begin(BackwardBits& bits) const { return at(bits.read(log_)); }
  [[nodiscard]] const Entry* next(const Entry* entry, BackwardBits& bits) const {
    return at(entry->next + bits.read(entry->bits));
  }

 private:
  [[nodiscard]] const Entry* at(uint64_t state) const { return entries_.data() + state; }

  std::array<Entry, 1U << kMostSequenceLog> entries_{};
  unsigned log_ = 0;
};

// The sequences of a block, in order (RFC 8878, 3.1.1.3.2 and 3.1.1.5).
class Sequences {
 public:
  Sequences(const CodeTable& literals, const CodeTable& offsets, const CodeTable& matches,
            std::array<uint64_t, 3>& recent)
      : literals_(literals), offsets_(offsets), matches_(matches), recent_(recent) {}

  bool open(std::span<const uint8_t> bytes, size_t count) {
    if (!bits_.open(bytes)) return false;
    bits_.refill();
    left_ = count;
    literal_ = literals_.begin(bits_);
    offset_ = offsets_.begin(bits_);
    match_ = matches_.begin(bits_);
    return true;
  }
  [[nodiscard]] size_t left() const { return left_; }
  [[nodiscard]] bool isDone() {
    bits_.refill();
    return left_ == 0 && bits_.isDone();
  }

  // The next ones. False if the bits are damaged.
  bool read(std::span<Sequence> some) {
    // A store through a pointer might change a member, but never a local variable.
    BackwardBits bits = bits_;
    const CodeTable::Entry* literalEntry = literal_;
    const CodeTable::Entry* offsetEntry = offset_;
    const CodeTable::Entry* matchEntry = match_;
    auto [recent, second, third] = recent_;
    size_t left = left_;
    for (Sequence& sequence : some) {
      if (!bits.refill()) return false;
      const unsigned offsetBits = offsetEntry->moreBits;
      const unsigned lengthBits = matchEntry->moreBits + literalEntry->moreBits;
      uint64_t offset = offsetEntry->base + bits.read(offsetBits);
      if (offsetBits + lengthBits > 30 && !bits.refill()) return false;
      const uint64_t match = matchEntry->base + bits.read(matchEntry->moreBits);
      const uint64_t literal = literalEntry->base + bits.read(literalEntry->moreBits);
      if (offset > 3) {
        offset -= 3;
        third = second;
        second = recent;
        recent = offset;
      } else {
        // One of the last three; if no literals precede, the first of them cannot be chosen.
        const uint64_t which = offset - 1 + (literal == 0 ? 1 : 0);
        offset = which == 0 ? recent : which == 1 ? second : which == 2 ? third : recent - 1;
        if (offset == 0) return false;
        if (which > 1) third = second;
        if (which > 0) second = recent;
        recent = offset;
      }
      if (--left > 0) {
        if (lengthBits > 20 && !bits.refill()) return false;
        literalEntry = literals_.next(literalEntry, bits);
        matchEntry = matches_.next(matchEntry, bits);
        offsetEntry = offsets_.next(offsetEntry, bits);
      }
      sequence = {static_cast<uint32_t>(literal), static_cast<uint32_t>(match), offset};
    }
    if (bits.isOverread()) return false;
    bits_ = bits;
    literal_ = literalEntry;
    offset_ = offsetEntry;
    match_ = matchEntry;
    recent_ = {recent, second, third};
    left_ = left;
    return true;
  }

 private:
  const CodeTable& literals_;
  const CodeTable& offsets_;
  const CodeTable& matches_;
  std::array<uint64_t, 3>& recent_;
  BackwardBits bits_;
  const CodeTable::Entry* literal_ = nullptr;
  const CodeTable::Entry* offset_ = nullptr;
  const CodeTable::Entry* match_ = nullptr;
  size_t left_ = 0;
};

class Frame {
 public:
  Frame(const FrameHeader& header, const std::string& path, const TakePiece& take)
      : path_(path),
        take_(take),
        block_(static_cast<size_t>(std::clamp<uint64_t>(header.window, 1, kLargestBlock))),
        capacity_(static_cast<size_t>(header.window) + block_),
        hasChecksum_(header.hasChecksum),
        // Not initialized: a page that is never written takes no memory.
        ring_(new uint8_t[capacity_ + kSlack]) {
    XXH64_reset(&checksum_, 0);
  }

  [[nodiscard]] size_t largestBlock() const { return block_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t checksum() const { return XXH64_digest(&checksum_); }

  Status raw(std::span<const uint8_t> bytes) {
    begin_ = at_;
    append(bytes);
    return hand();
  }

  Status repeated(uint8_t byte, size_t count) {
    begin_ = at_;
    for (size_t left = count; left > 0;) {
      const size_t some = std::min(left, capacity_ - at_);
      std::memset(ring_.get() + at_, byte, some);
      advance(some);
      left -= some;
    }
    return hand();
  }

  Status compressed(std::span<const uint8_t> block) {
    begin_ = at_;
    produced_ = 0;
    const auto used = readLiterals(block);
    if (!used) return malformed("literals", path_);
    if (!readSequences(block.subspan(*used))) return malformed("sequences", path_);
    return hand();
  }

 private:
  void advance(size_t count) {
    at_ += count;
    if (at_ == capacity_) at_ = 0;
    size_ += count;
    produced_ += count;
  }

  void append(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const size_t some = std::min(bytes.size(), capacity_ - at_);
      std::memcpy(ring_.get() + at_, bytes.data(), some);
      advance(some);
      bytes = bytes.subspan(some);
    }
  }

  // Passes on what the block has produced.
  Status hand() {
    if (at_ >= begin_) return handPiece(begin_, at_);
    if (auto first = handPiece(begin_, capacity_); !first) return first;
    return handPiece(0, at_);
  }

  Status handPiece(size_t from, size_t to) {
    const std::span<const uint8_t> piece(ring_.get() + from, to - from);
    if (hasChecksum_) XXH64_update(&checksum_, piece.data(), piece.size());
    return piece.empty() ? Status(Done{}) : take_(piece);
  }

  // Returns how much of the block they take.
  std::optional<size_t> readLiterals(std::span<const uint8_t> block);
  bool readCompressedLiterals(std::span<const uint8_t> bytes, unsigned streams, bool hasTable);
  bool readSequences(std::span<const uint8_t> bytes);
  bool runSequences(Sequences sequences);
  void prefetch(std::span<const Sequence> sequences) const;
  bool execute(std::span<const Sequence> sequences);
  bool copyMatch(size_t length, size_t offset);
  bool copyLiterals(size_t count);
  void copySlowly(size_t from, size_t count);

  const std::string& path_;
  const TakePiece& take_;
  size_t block_;
  size_t capacity_;
  bool hasChecksum_;
  std::unique_ptr<uint8_t[]> ring_;  // NOLINT(modernize-avoid-c-arrays): vectors are initialized
  size_t at_ = 0;
  size_t begin_ = 0;
  size_t produced_ = 0;
  uint64_t size_ = 0;
  XXH64_state_t checksum_{};

  std::vector<uint8_t> literalBytes_ = std::vector<uint8_t>(block_ + kSlack);
  std::span<const uint8_t> literals_;  // of `literalBytes_`
  HuffmanTable huffman_;
  CodeTable literalLengths_, offsets_, matchLengths_;
  bool hasTables_ = false;
  std::array<uint64_t, 3> recent_{1, 4, 8};
};

// RFC 8878, 3.1.1.3.1.
std::optional<size_t> Frame::readLiterals(std::span<const uint8_t> block) {
  if (block.empty()) return std::nullopt;
  const unsigned type = block[0] & 3U;
  const unsigned format = (block[0] >> 2U) & 3U;
  if (type < 2) {
    const size_t head = format == 1 ? 2 : format == 3 ? 3 : 1;
    if (block.size() < head) return std::nullopt;
    const auto size =
        static_cast<size_t>(loadLittleEndian(block.data(), head) >> (head == 1 ? 3U : 4U));
    const size_t stored = type == 0 ? size : 1;
    if (size > block_ || block.size() - head < stored) return std::nullopt;
    if (type == 0)
      std::memcpy(literalBytes_.data(), block.data() + head, size);
    else
      std::memset(literalBytes_.data(), block[head], size);
    literals_ = std::span<const uint8_t>(literalBytes_).first(size);
    return head + stored;
  }
  const size_t head = format < 2 ? 3 : format + 2;
  const unsigned width = format < 2 ? 10 : format == 2 ? 14 : 18;
  if (block.size() < head) return std::nullopt;
  const uint64_t sizes = loadLittleEndian(block.data(), head) >> 4U;
  const uint64_t mask = (uint64_t{1} << width) - 1;
  const auto size = static_cast<size_t>(sizes & mask);
  const auto stored = static_cast<size_t>((sizes >> width) & mask);
  if (size > block_ || block.size() - head < stored) return std::nullopt;
  literals_ = std::span<const uint8_t>(literalBytes_).first(size);
  if (!readCompressedLiterals(block.subspan(head, stored), format == 0 ? 1 : 4, type == 2))
    return std::nullopt;
  return head + stored;
}

bool Frame::readCompressedLiterals(std::span<const uint8_t> bytes, unsigned streams,
                                   bool hasTable) {
  if (hasTable) {
    const auto used = readHuffmanTable(bytes, huffman_);
    if (!used) return false;
    bytes = bytes.subspan(*used);
  }
  if (huffman_.bits == 0) return false;
  const std::span<uint8_t> out = std::span(literalBytes_).first(literals_.size());
  if (streams == 1) return decodeHuffmanStream(huffman_, bytes, out);
  constexpr size_t kJumpTable = 6;
  if (bytes.size() < kJumpTable) return false;
  std::array<std::span<const uint8_t>, 4> parts;
  std::array<std::span<uint8_t>, 4> outs;
  const size_t each = (out.size() + 3) / 4;
  size_t at = kJumpTable;
  for (size_t index = 0; index < 4; ++index) {
    const size_t size = index == 3 ? bytes.size() - at
                                   : static_cast<size_t>(loadLittleEndian(&bytes[2 * index], 2));
    if (size > bytes.size() - at) return false;
    parts[index] = bytes.subspan(at, size);
    at += size;
    const size_t from = each * index;
    if (from > out.size()) return false;
    outs[index] =
        out.subspan(from, index == 3 ? out.size() - from : std::min(each, out.size() - from));
  }
  return decodeHuffmanStreams(huffman_, parts, outs);
}

// The table that a block's sequences use for one of their parts; returns how many bytes describe
// it.
template <size_t Count>
std::optional<size_t> chooseTable(unsigned mode, std::span<const uint8_t> bytes, unsigned mostLog,
                                  const std::array<Code, Count>& codes,
                                  std::span<const int16_t> usual, unsigned usualLog, bool hasTables,
                                  CodeTable& chosen) {
  FseTable table;
  size_t used = 0;
  switch (mode) {
    case 0:
      table.build(usual, usualLog);
      break;
    case 1:
      if (bytes.empty() || bytes[0] >= Count) return std::nullopt;
      table.single(bytes[0]);
      used = 1;
      break;
    case 2: {
      const auto size = readFseTable(bytes, mostLog, Count - 1, table);
      if (!size) return std::nullopt;
      used = *size;
      break;
    }
    default:
      if (!hasTables) return std::nullopt;
      return 0;
  }
  chosen.build(table, codes);
  return used;
}

// RFC 8878, 3.1.1.3.2 and 3.1.1.4.
bool Frame::readSequences(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return false;
  size_t count = bytes[0];
  size_t head = 1;
  if (count >= 128) {
    head = count == 255 ? 3 : 2;
    if (bytes.size() < head) return false;
    count = count == 255 ? bytes[1] + (size_t{bytes[2]} << 8U) + 0x7F00
                         : ((count - 128) << 8U) + bytes[1];
  }
  bytes = bytes.subspan(head);
  if (count == 0) return bytes.empty() && copyLiterals(literals_.size());
  if (bytes.empty() || (bytes[0] & 3U) != 0) return false;
  const unsigned modes = bytes[0];
  bytes = bytes.subspan(1);
  const auto choose = [&](unsigned mode, unsigned mostLog, const auto& codes,
                          std::span<const int16_t> usual, unsigned usualLog, CodeTable& table) {
    const auto used = chooseTable(mode, bytes, mostLog, codes, usual, usualLog, hasTables_, table);
    if (used) bytes = bytes.subspan(*used);
    return used.has_value();
  };
  if (!choose(modes >> 6U, 9, kLiteralLengths, kUsualLiteralLengths, 6, literalLengths_) ||
      !choose((modes >> 4U) & 3U, 8, kOffsets, kUsualOffsets, 5, offsets_) ||
      !choose((modes >> 2U) & 3U, 9, kMatchLengths, kUsualMatchLengths, 6, matchLengths_))
    return false;
  hasTables_ = true;
  Sequences sequences(literalLengths_, offsets_, matchLengths_, recent_);
  return sequences.open(bytes, count) && runSequences(sequences);
}

// Matches are anywhere in the window, which no processor's cache can hold. So a number of sequences
// are read first, and what they copy from is fetched while others are executed.
bool Frame::runSequences(Sequences sequences) {
  std::array<Sequence, 32> batch{};
  while (sequences.left() > 0) {
    const auto some = std::span(batch).first(std::min(batch.size(), sequences.left()));
    if (!sequences.read(some)) return false;
    prefetch(some);
    if (!execute(some)) return false;
  }
  return sequences.isDone() && copyLiterals(literals_.size());
}

void Frame::prefetch(std::span<const Sequence> sequences) const {
  uint64_t at = at_;
  for (const Sequence& sequence : sequences) {
    at += sequence.literals;
    // It may be wrong, at no cost: at the end of the ring, or if something is damaged.
    if (sequence.offset <= at) __builtin_prefetch(ring_.get() + (at - sequence.offset));
    at += sequence.match;
  }
}

bool Frame::execute(std::span<const Sequence> sequences) {
  const uint64_t window = capacity_ - block_;
  for (size_t next = 0; next < sequences.size();) {
    // In local variables, which no store through a pointer to bytes can change.
    const uint8_t* from = literals_.data();
    const uint8_t* const mostFrom = from + literals_.size();
    const size_t room = std::min(capacity_ - at_, block_ - produced_);
    uint8_t* const begin = ring_.get() + at_;
    uint8_t* const end = begin + room;
    uint8_t* to = begin;
    const uint64_t reach = std::min(window, std::min<uint64_t>(size_, at_));
    for (; next < sequences.size(); ++next) {
      const auto [literals, match, offset] = sequences[next];
      const auto made = static_cast<uint64_t>(to - begin);
      if (literals > static_cast<size_t>(mostFrom - from) ||
          uint64_t{literals} + match > static_cast<size_t>(end - to) ||
          offset > std::min(window, reach + made + literals))
        break;
      std::memcpy(to, from, 16);
      for (size_t done = 16; done < literals; done += 16)
        std::memcpy(to + done, from + done, 16);
      from += literals;
      to += literals;
      const uint8_t* source = to - offset;
      if (offset >= 16) {
        std::memcpy(to, source, 16);
        for (size_t done = 16; done < match; done += 16)
          std::memcpy(to + done, source + done, 16);
      } else {
        for (size_t done = 0; done < match; ++done)
          to[done] = source[done];
      }
      to += match;
    }
    literals_ = literals_.subspan(static_cast<size_t>(from - literals_.data()));
    advance(static_cast<size_t>(to - begin));
    if (next == sequences.size()) break;
    // The ring ends within this one, or its match reaches back past the beginning of the ring.
    const Sequence& sequence = sequences[next++];
    if (!copyLiterals(sequence.literals) || !copyMatch(sequence.match, sequence.offset))
      return false;
  }
  return true;
}

bool Frame::copyLiterals(size_t count) {
  if (count > literals_.size() || count > block_ - produced_) return false;
  if (count <= capacity_ - at_) {
    // `literalBytes_` has slack behind its end, and so has the ring.
    const uint8_t* from = literals_.data();
    uint8_t* to = ring_.get() + at_;
    std::memcpy(to, from, 16);
    if (count > 16) std::memcpy(to + 16, from + 16, count - 16);
    advance(count);
  } else {
    append(literals_.first(count));
  }
  literals_ = literals_.subspan(count);
  return true;
}

bool Frame::copyMatch(size_t length, size_t offset) {
  if (offset > size_ || offset > capacity_ - block_ || length > block_ - produced_) return false;
  const size_t from = at_ >= offset ? at_ - offset : at_ + capacity_ - offset;
  if (from >= at_ || length > capacity_ - at_) {
    copySlowly(from, length);
    return true;
  }
  uint8_t* to = ring_.get() + at_;
  if (offset >= 16) {
    const uint8_t* source = ring_.get() + from;
    for (size_t done = 0; done < length; done += 16)
      std::memcpy(to + done, source + done, 16);
  } else {
    for (size_t done = 0; done < length; ++done)
      to[done] = ring_[from + done];
  }
  advance(length);
  return true;
}

// If either end wraps around the ring's.
void Frame::copySlowly(size_t from, size_t count) {
  for (size_t done = 0; done < count; ++done) {
    ring_[at_] = ring_[from];
    if (++from == capacity_) from = 0;
    advance(1);
  }
}

// Returns false if the stream has ended.
Result<bool> decompressFrame(Input& input, const std::string& path, const std::stop_token& stop,
                             const TakePiece& take) {
  const auto ended = input.isAtEnd();
  if (!ended) return ended.error();
  if (*ended) return false;
  const auto magic = input.take(4);
  if (!magic) return magic.error();
  if (loadLittleEndian(magic->data(), 4) != 0xFD2FB528) return malformed("no frame begins", path);
  const auto header = readHeader(input, path);
  if (!header) return header.error();
  Frame frame(*header, path, take);
  for (bool isLast = false; !isLast;) {
    if (stop.stop_requested()) return cancelled("reading the database");
    const auto head = input.take(3);
    if (!head) return head.error();
    const auto value = static_cast<uint32_t>(loadLittleEndian(head->data(), 3));
    isLast = (value & 1U) != 0;
    const unsigned type = (value >> 1U) & 3U;
    const size_t size = value >> 3U;
    if (type == 3 || size > frame.largestBlock()) return malformed("a block's header", path);
    const auto block = input.take(type == 1 ? 1 : size);
    if (!block) return block.error();
    const Status done = type == 0   ? frame.raw(*block)
                        : type == 1 ? frame.repeated((*block)[0], size)
                                    : frame.compressed(*block);
    if (!done) return done.error();
  }
  if (header->size && *header->size != frame.size()) return malformed("its size is wrong", path);
  if (!header->hasChecksum) return true;
  const auto checksum = input.take(4);
  if (!checksum) return checksum.error();
  if (loadLittleEndian(checksum->data(), 4) != (frame.checksum() & 0xFFFFFFFF))
    return malformed("its checksum is wrong", path);
  return true;
}

}  // namespace

Status decompressZstd(int descriptor, uint64_t offset, const std::string& path,
                      const std::stop_token& stop, const TakePiece& take) {
  Input input(descriptor, offset, path);
  for (bool isFirst = true;; isFirst = false) {
    const auto goesOn = decompressFrame(input, path, stop, take);
    if (!goesOn) return goesOn.error();
    if (*goesOn) continue;
    if (isFirst) return Error{ErrorCode::Truncated, "its Zstandard stream ends too early", path, 0};
    return Done{};
  }
}

}  // namespace fixelf
