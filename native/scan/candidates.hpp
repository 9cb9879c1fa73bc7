// The first pass over bytes that are searched: where could something be?
//
// Nearly all bytes of a file are of no interest, and this pass is there to say so as fast as memory
// is read. It looks for two things at once, and may find too many:
//
//   fingerprints  three neighbouring bytes, each out of a set, in up to five combinations: the
//                 ".so" of a library's name, the first bytes of what a compressor writes
//   runs          16 bytes of the base-32 alphabet. Whatever has 32 of them in a row, as a store
//                 path's hash has, has 16 of them at a multiple of 16 too, wherever that is counted
//                 from.
//
// A vector unit tells whether a byte is in a set by looking up both its halves in tables of 16
// entries (PSHUFB, TBL) and taking what neither forbids: one bit of each entry for each set. That
// answers yes for a few bytes too many (the low half of one member, the high half of another). This
// is how Hyperscan's "Teddy" finds literals.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fixelf {

// How the bytes are gone through. All of them lead to the same answers.
enum class InstructionSet { Plain, Ssse3, Avx2, Avx512, Neon };

// Those that this processor has, the best first; Plain is always the last.
std::span<const InstructionSet> availableInstructionSets();

// 0123456789abcdfghijklmnpqrsvwxyz, Nix's alphabet (libutil/hash.cc): no e, o, t, u.
bool isBase32(uint8_t byte);

// Three sets of bytes, one for each place.
using Fingerprint = std::array<std::string_view, 3>;

struct CandidateTables {
  static constexpr size_t kMostFingerprints = 5;
  explicit CandidateTables(std::span<const Fingerprint> fingerprints);

  // By place and half of the byte, a bit for each set that no byte with this half is in. At the
  // first place the three bits above kFingerprintBits are for the alphabet, whose members have
  // three different high halves; at the others they are always set.
  static constexpr uint8_t kFingerprintBits = (1U << kMostFingerprints) - 1;
  alignas(16) std::array<std::array<uint8_t, 16>, 3> low{};
  alignas(16) std::array<std::array<uint8_t, 16>, 3> high{};
  // By place and the byte's lower seven bits, a bit for each set that has such a byte; 0x80 for
  // those of the alphabet.
  alignas(64) std::array<std::array<uint8_t, 128>, 3> sevenBits{};
  alignas(64) std::array<uint8_t, 128> sevenBitsRun{};
  // The sets of the three places side by side, for going byte by byte.
  std::array<uint32_t, 256> places{};
};

// What one turn found, as positions in the bytes, ascending.
struct Candidates {
  // The counts say what of the arrays means something; filling 8 kB with zeros each time costs.
  Candidates() {}  // NOLINT(*-pro-type-member-init, modernize-use-equals-default)

  static constexpr size_t kRoom = 1024;
  static constexpr size_t kStep = 64;  // so many more may come with the step that fills the room

  void clear() { fingerprintCount = runCount = 0; }
  [[nodiscard]] bool full() const { return fingerprintCount >= kRoom || runCount >= kRoom; }

  std::array<uint32_t, kRoom + kStep> fingerprints;
  std::array<uint32_t, kRoom + kStep> runs;
  size_t fingerprintCount = 0;
  size_t runCount = 0;
};

// Looks at the positions from `from` up to `end`. So many bytes behind `end` have to be readable.
constexpr size_t kCandidateMargin = 128;

// Answers where it stopped: `end`, or less when there is no more room in `found`. Call it again
// with that as `from`. It appends to `found`.
size_t findCandidates(InstructionSet set, const CandidateTables& tables, const uint8_t* bytes,
                      size_t from, size_t end, Candidates& found);

}  // namespace fixelf
