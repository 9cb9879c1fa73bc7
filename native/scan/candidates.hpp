// The first pass over the searched bytes: where could something be?
//
// Nearly all bytes of a file are of no interest, and this pass has to establish that as fast as
// memory is read. It looks for two things at once, and may find too many:
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fixelf {

// How the bytes are examined. All of them give the same results.
enum class InstructionSet { Plain, Ssse3, Avx2, Avx512, Neon };

// Those that this processor has, best first; Plain is always the last.
std::span<const InstructionSet> availableInstructionSets();

// 0123456789abcdfghijklmnpqrsvwxyz, Nix's alphabet (libutil/hash.cc): no e, o, t, u.
bool isBase32(uint8_t byte);

// Three sets of bytes, one for each place.
using Fingerprint = std::array<std::string_view, 3>;

struct CandidateTables {
  static constexpr size_t kMostFingerprints = 5;
  explicit CandidateTables(std::span<const Fingerprint> fingerprints);

  // By place and half of the byte, a bit for each set that contains no byte with this half. At the
  // first place the three bits above kFingerprintBits are for the alphabet, whose members have
  // three different high halves; at the others they are always set.
  static constexpr uint8_t kFingerprintBits = (1U << kMostFingerprints) - 1;
  alignas(16) std::array<std::array<uint8_t, 16>, 3> low{};
  alignas(16) std::array<std::array<uint8_t, 16>, 3> high{};
  // By place and the byte's lower seven bits, a bit for each set that contains such a byte; 0x80
  // for those of the alphabet.
  alignas(64) std::array<std::array<uint8_t, 128>, 3> sevenBits{};
  alignas(64) std::array<uint8_t, 128> sevenBitsRun{};
  // The sets of the three places side by side, for examining single bytes.
  std::array<uint32_t, 256> places{};
};

// What one call found, as positions in the bytes, ascending.
struct Candidates {
  // The counts show how much of the arrays is valid; zeroing 8 kB each time would cost.
  Candidates() {}  // NOLINT(*-pro-type-member-init, modernize-use-equals-default)

  static constexpr size_t kRoom = 1024;
  static constexpr size_t kStep = 64;  // this many more may come with the step that fills the room

  void clear() { fingerprintCount = runCount = 0; }
  [[nodiscard]] bool full() const { return fingerprintCount >= kRoom || runCount >= kRoom; }

  std::array<uint32_t, kRoom + kStep> fingerprints;
  std::array<uint32_t, kRoom + kStep> runs;
  size_t fingerprintCount = 0;
  size_t runCount = 0;
};

// Examines the positions from `from` up to `end`. This many bytes behind `end` have to be readable.
constexpr size_t kCandidateMargin = 128;

// Returns where it stopped: `end`, or less if there is no more room in `found`. Call it again with
// that as `from`. Appends to `found`.
size_t findCandidates(InstructionSet set, const CandidateTables& tables, const uint8_t* bytes,
                      size_t from, size_t end, Candidates& found);

}  // namespace fixelf
