// findCandidates, one for each instruction set; candidates.cpp chooses among them.
#pragma once

#include "scan/candidates.hpp"

namespace fixelf {

size_t findCandidatesPlain(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                           size_t end, Candidates& found);

#if defined(__x86_64__)
size_t findCandidatesSsse3(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                           size_t end, Candidates& found);
size_t findCandidatesAvx2(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                          size_t end, Candidates& found);
size_t findCandidatesAvx512(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                            size_t end, Candidates& found);
#elif defined(__aarch64__)
size_t findCandidatesNeon(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                          size_t end, Candidates& found);
#endif

// Notes the positions of a step's set bits before `end`: `fingerprints` has one bit for each byte,
// `runs` one for each 16 bytes.
inline void noteStep(uint64_t fingerprints, uint32_t runs, size_t at, size_t end,
                     Candidates& found) {
  for (; fingerprints != 0; fingerprints &= fingerprints - 1) {
    const size_t position = at + static_cast<size_t>(__builtin_ctzll(fingerprints));
    if (position >= end) break;
    found.fingerprints[found.fingerprintCount++] = static_cast<uint32_t>(position);
  }
  for (; runs != 0; runs &= runs - 1) {
    const size_t position = at + 16 * static_cast<size_t>(__builtin_ctz(runs));
    if (position >= end) break;
    found.runs[found.runCount++] = static_cast<uint32_t>(position);
  }
}

}  // namespace fixelf
