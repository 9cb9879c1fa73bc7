// findCandidates for x86-64: SSSE3 (2006), which brought PSHUFB, AVX2 (2013), twice as wide, and
// AVX-512 VBMI (2018), twice as wide again and with larger tables. Each function is compiled for
// its own instruction set, whatever the rest is compiled for.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "scan/candidate_kernels.hpp"

namespace fixelf {

namespace {

// The sets that a byte is not in, by its halves: PSHUFB returns zero for an index with its highest
// bit set, so for bytes from 0x80 on the high half alone decides. Nothing is missed, and the low
// half needs no mask.

// -- SSSE3 --------------------------------------------------------------------------------------

__attribute__((target("ssse3"))) inline __m128i load16(const uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

struct Tables16 {
  __m128i low[3], high[3], half, fingerprints, all;
};

__attribute__((target("ssse3"))) inline Tables16 load16(const CandidateTables& tables) {
  Tables16 loaded;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (size_t place = 0; place < 3; ++place) {
    loaded.low[place] = load16(tables.low[place].data());
    loaded.high[place] = load16(tables.high[place].data());
  }
  loaded.half = _mm_set1_epi8(0x0f);
  loaded.fingerprints = _mm_set1_epi8(CandidateTables::kFingerprintBits);
  loaded.all = _mm_set1_epi8(-1);
  return loaded;
}

__attribute__((target("ssse3"))) inline __m128i lookUp(const Tables16& tables, size_t place,
                                                       __m128i bytes) {
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), tables.half);
  return _mm_or_si128(_mm_shuffle_epi8(tables.low[place], bytes),
                      _mm_shuffle_epi8(tables.high[place], high));
}

// One bit for each byte at which a fingerprint begins, and whether all 16 are in the alphabet.
__attribute__((target("ssse3"))) inline uint32_t look16(const Tables16& tables, const uint8_t* at,
                                                        bool& run) {
  const __m128i first = lookUp(tables, 0, load16(at));
  const __m128i others =
      _mm_or_si128(lookUp(tables, 1, load16(at + 1)), lookUp(tables, 2, load16(at + 2)));
  const __m128i none = _mm_cmpeq_epi8(_mm_or_si128(first, others), tables.all);
  const __m128i notInRun = _mm_cmpeq_epi8(_mm_or_si128(first, tables.fingerprints), tables.all);
  run = _mm_movemask_epi8(notInRun) == 0;
  return ~static_cast<uint32_t>(_mm_movemask_epi8(none)) & 0xffff;
}

// -- AVX2 ---------------------------------------------------------------------------------------

struct Tables32 {
  __m256i low[3], high[3], half, fingerprints, all;
};

__attribute__((target("avx2"))) inline __m256i twice(const std::array<uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
}

__attribute__((target("avx2"))) inline Tables32 load32(const CandidateTables& tables) {
  Tables32 loaded;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (size_t place = 0; place < 3; ++place) {
    loaded.low[place] = twice(tables.low[place]);
    loaded.high[place] = twice(tables.high[place]);
  }
  loaded.half = _mm256_set1_epi8(0x0f);
  loaded.fingerprints = _mm256_set1_epi8(CandidateTables::kFingerprintBits);
  loaded.all = _mm256_set1_epi8(-1);
  return loaded;
}

__attribute__((target("avx2"))) inline __m256i lookUp(const Tables32& tables, size_t place,
                                                      const uint8_t* at) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), tables.half);
  return _mm256_or_si256(_mm256_shuffle_epi8(tables.low[place], bytes),
                         _mm256_shuffle_epi8(tables.high[place], high));
}

// 0xff for each byte at which no fingerprint begins, and for each that is not in the alphabet.
__attribute__((target("avx2"))) inline __m256i look32(const Tables32& tables, const uint8_t* at,
                                                      __m256i& notInRun) {
  const __m256i first = lookUp(tables, 0, at);
  const __m256i others = _mm256_or_si256(lookUp(tables, 1, at + 1), lookUp(tables, 2, at + 2));
  notInRun = _mm256_cmpeq_epi8(_mm256_or_si256(first, tables.fingerprints), tables.all);
  return _mm256_cmpeq_epi8(_mm256_or_si256(first, others), tables.all);
}

// One bit for each of a word's four 16-bit parts, set if that part is zero.
inline uint32_t emptyParts(uint64_t word) {
  return static_cast<uint32_t>((word & 0xffff) == 0) |
         static_cast<uint32_t>((word >> 16 & 0xffff) == 0) << 1 |
         static_cast<uint32_t>((word >> 32 & 0xffff) == 0) << 2 |
         static_cast<uint32_t>((word >> 48) == 0) << 3;
}

}  // namespace

__attribute__((target("ssse3"))) size_t findCandidatesSsse3(const CandidateTables& given,
                                                            const uint8_t* bytes, size_t from,
                                                            size_t end, Candidates& found) {
  const Tables16 tables = load16(given);
  for (; from < end; from += Candidates::kStep) {
    uint64_t fingerprints = 0;
    uint32_t runs = 0;
    for (unsigned part = 0; part < 4; ++part) {
      bool run = false;
      const uint64_t matches = look16(tables, bytes + from + size_t{16} * part, run);
      fingerprints |= matches << (16 * part);
      runs |= static_cast<uint32_t>(run) << part;
    }
    if (fingerprints == 0 && runs == 0) continue;
    if (found.full()) return from;
    noteStep(fingerprints, runs, from, end, found);
  }
  return end;
}

__attribute__((target("avx2"))) size_t findCandidatesAvx2(const CandidateTables& given,
                                                          const uint8_t* bytes, size_t from,
                                                          size_t end, Candidates& found) {
  const Tables32 tables = load32(given);
  for (; from < end; from += Candidates::kStep) {
    __m256i notInRun[2];
    const __m256i none0 = look32(tables, bytes + from, notInRun[0]);
    const __m256i none1 = look32(tables, bytes + from + 32, notInRun[1]);
    const uint64_t outside = static_cast<uint32_t>(_mm256_movemask_epi8(notInRun[0])) |
                             uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(notInRun[1]))}
                                 << 32;
    // A zero among the four 16-bit parts borrows from beyond the part itself.
    constexpr uint64_t kOnes = 0x0001000100010001;
    const bool anyRun = ((outside - kOnes) & ~outside & (kOnes << 15)) != 0;
    const bool anyMatch = _mm256_movemask_epi8(_mm256_and_si256(none0, none1)) != -1;
    if (!anyRun && !anyMatch) continue;
    if (found.full()) return from;
    const uint64_t fingerprints =
        ~(static_cast<uint32_t>(_mm256_movemask_epi8(none0)) |
          uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(none1))} << 32);
    noteStep(fingerprints, emptyParts(outside), from, end, found);
  }
  return end;
}

// VPERMI2B looks up a byte's lower seven bits in a table of 128 entries: no halves, and a third of
// the instructions.
__attribute__((target("avx512bw,avx512vbmi"))) size_t findCandidatesAvx512(
    const CandidateTables& tables, const uint8_t* bytes, size_t from, size_t end,
    Candidates& found) {
  __m512i lower[3];
  __m512i upper[3];
  for (size_t place = 0; place < 3; ++place) {
    lower[place] = _mm512_load_si512(tables.sevenBits[place].data());
    upper[place] = _mm512_load_si512(tables.sevenBits[place].data() + 64);
  }
  const __m512i runLower = _mm512_load_si512(tables.sevenBitsRun.data());
  const __m512i runUpper = _mm512_load_si512(tables.sevenBitsRun.data() + 64);
  for (; from < end; from += Candidates::kStep) {
    const __m512i first = _mm512_loadu_si512(bytes + from);
    const __m512i second = _mm512_loadu_si512(bytes + from + 1);
    const __m512i third = _mm512_loadu_si512(bytes + from + 2);
    const __m512i matches =
        _mm512_and_si512(_mm512_permutex2var_epi8(lower[0], first, upper[0]),
                         _mm512_and_si512(_mm512_permutex2var_epi8(lower[1], second, upper[1]),
                                          _mm512_permutex2var_epi8(lower[2], third, upper[2])));
    const uint64_t fingerprints = _mm512_test_epi8_mask(matches, matches);
    // The eighth bit is not looked up: a byte with it is not in the alphabet.
    const __m512i inRun = _mm512_permutex2var_epi8(runLower, first, runUpper);
    const uint64_t outside = ~_mm512_movepi8_mask(inRun) | _mm512_movepi8_mask(first);
    constexpr uint64_t kOnes = 0x0001000100010001;
    const bool anyRun = ((outside - kOnes) & ~outside & (kOnes << 15)) != 0;
    if (!anyRun && fingerprints == 0) continue;
    if (found.full()) return from;
    noteStep(fingerprints, emptyParts(outside), from, end, found);
  }
  return end;
}

}  // namespace fixelf

#endif
