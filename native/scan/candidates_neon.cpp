// findCandidates for aarch64, with the vector unit that every ARMv8-A has.
#if defined(__aarch64__)

#include <arm_neon.h>

#include "scan/candidate_kernels.hpp"

namespace fixelf {

namespace {

struct Tables {
  uint8x16_t low[3], high[3];
};

Tables load(const CandidateTables& tables) {
  Tables loaded;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (size_t place = 0; place < 3; ++place) {
    loaded.low[place] = vld1q_u8(tables.low[place].data());
    loaded.high[place] = vld1q_u8(tables.high[place].data());
  }
  return loaded;
}

// The sets that a byte is not in, by its halves.
inline uint8x16_t lookUp(uint8x16_t low, uint8x16_t high, uint8x16_t bytes) {
  return vorrq_u8(vqtbl1q_u8(low, vandq_u8(bytes, vdupq_n_u8(0x0f))),
                  vqtbl1q_u8(high, vshrq_n_u8(bytes, 4)));
}

// One bit for each byte that is not 0xff.
uint64_t bitsOf(uint8x16_t bytes) {
  // Narrowing gives four bits for each byte (there is no PMOVMSKB); one of them is taken.
  const uint8x16_t other = vmvnq_u8(vceqq_u8(bytes, vdupq_n_u8(0xff)));
  const uint64_t nibbles =
      vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(other), 4)), 0);
  uint64_t bits = 0;
  for (unsigned at = 0; at < 16; ++at)
    bits |= (nibbles >> (4 * at) & 1) << at;
  return bits;
}

}  // namespace

size_t findCandidatesNeon(const CandidateTables& given, const uint8_t* bytes, size_t from,
                          size_t end, Candidates& found) {
  const Tables tables = load(given);
  for (; from < end; from += Candidates::kStep) {
    uint8x16_t forbidden[4];
    uint32_t runs = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const uint8_t* at = bytes + from + size_t{16} * part;
      const uint8x16_t first = lookUp(tables.low[0], tables.high[0], vld1q_u8(at));
      forbidden[part] =
          vorrq_u8(first, vorrq_u8(lookUp(tables.low[1], tables.high[1], vld1q_u8(at + 1)),
                                   lookUp(tables.low[2], tables.high[2], vld1q_u8(at + 2))));
      const uint8x16_t inRun = vorrq_u8(first, vdupq_n_u8(CandidateTables::kFingerprintBits));
      const bool run = vmaxvq_u8(inRun) != 0xff;
      runs |= static_cast<uint32_t>(run) << part;
    }
    const uint8x16_t all =
        vandq_u8(vandq_u8(forbidden[0], forbidden[1]), vandq_u8(forbidden[2], forbidden[3]));
    if (runs == 0 && vminvq_u8(all) == 0xff) continue;
    if (found.full()) return from;
    uint64_t fingerprints = 0;
    for (unsigned part = 0; part < 4; ++part)
      fingerprints |= bitsOf(forbidden[part]) << (16 * part);
    noteStep(fingerprints, runs, from, end, found);
  }
  return end;
}

}  // namespace fixelf

#endif
