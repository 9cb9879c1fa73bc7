#include "scan/candidates.hpp"

#include <algorithm>

#include "scan/candidate_kernels.hpp"

namespace fixelf {

namespace {

constexpr std::string_view kAlphabet = "0123456789abcdfghijklmnpqrsvwxyz";

constexpr std::array<bool, 256> alphabetTable() {
  std::array<bool, 256> table{};
  for (const char letter : kAlphabet)
    table[static_cast<uint8_t>(letter)] = true;
  return table;
}

constexpr std::array<bool, 256> kInAlphabet = alphabetTable();

std::vector<InstructionSet> detect() {
  std::vector<InstructionSet> sets;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0)
    sets.push_back(InstructionSet::Avx512);
  if (__builtin_cpu_supports("avx2") != 0) sets.push_back(InstructionSet::Avx2);
  if (__builtin_cpu_supports("ssse3") != 0) sets.push_back(InstructionSet::Ssse3);
#elif defined(__aarch64__)
  sets.push_back(InstructionSet::Neon);  // part of every ARMv8-A that runs Linux
#endif
  sets.push_back(InstructionSet::Plain);
  return sets;
}

}  // namespace

std::span<const InstructionSet> availableInstructionSets() {
  // Never destroyed: other threads may be here while the process exits.
  static const auto& sets = *new std::vector<InstructionSet>(detect());
  return sets;
}

bool isBase32(uint8_t byte) {
  return kInAlphabet[byte];
}

CandidateTables::CandidateTables(std::span<const Fingerprint> fingerprints) {
  for (size_t place = 0; place < 3; ++place) {
    low[place].fill(0xff);
    high[place].fill(0xff);
  }
  const auto allow = [this](size_t place, uint8_t byte, uint8_t bit) {
    low[place][byte & 0x0f] &= static_cast<uint8_t>(~bit);
    high[place][byte >> 4] &= static_cast<uint8_t>(~bit);
  };
  for (size_t index = 0; index < std::min(fingerprints.size(), kMostFingerprints); ++index) {
    const auto bit = static_cast<uint8_t>(1U << index);
    for (size_t place = 0; place < 3; ++place) {
      for (const char member : fingerprints[index][place]) {
        const auto byte = static_cast<uint8_t>(member);
        allow(place, byte, bit);
        sevenBits[place][byte & 0x7f] |= bit;
        places[byte] |= uint32_t{bit} << (8 * place);
      }
    }
  }
  for (const char letter : kAlphabet) {
    const auto byte = static_cast<uint8_t>(letter);
    // Its high half is 3, 6 or 7.
    allow(0, byte, byte >> 4 == 3 ? 0x20 : byte >> 4 == 6 ? 0x40 : 0x80);
    sevenBitsRun[byte] = 0x80;
  }
}

size_t findCandidatesPlain(const CandidateTables& tables, const uint8_t* bytes, size_t from,
                           size_t end, Candidates& found) {
  while (from < end && !found.full()) {
    const size_t last = from + std::min<size_t>(end - from, Candidates::kStep);
    for (size_t at = from; at < last; ++at) {
      const uint32_t first = tables.places[bytes[at]];
      if ((first & 0xff) == 0) continue;
      const uint32_t second = tables.places[bytes[at + 1]] >> 8;
      const uint32_t third = tables.places[bytes[at + 2]] >> 16;
      if ((first & second & third & 0xff) == 0) continue;
      found.fingerprints[found.fingerprintCount++] = static_cast<uint32_t>(at);
    }
    for (size_t block = from; block < last; block += 16) {
      size_t length = 0;
      while (length < 16 && kInAlphabet[bytes[block + length]])
        ++length;
      if (length == 16) found.runs[found.runCount++] = static_cast<uint32_t>(block);
    }
    from = last;
  }
  return from;
}

size_t findCandidates(InstructionSet set, const CandidateTables& tables, const uint8_t* bytes,
                      size_t from, size_t end, Candidates& found) {
  switch (set) {
#if defined(__x86_64__)
    case InstructionSet::Avx512:
      return findCandidatesAvx512(tables, bytes, from, end, found);
    case InstructionSet::Avx2:
      return findCandidatesAvx2(tables, bytes, from, end, found);
    case InstructionSet::Ssse3:
      return findCandidatesSsse3(tables, bytes, from, end, found);
#elif defined(__aarch64__)
    case InstructionSet::Neon:
      return findCandidatesNeon(tables, bytes, from, end, found);
#endif
    default:
      return findCandidatesPlain(tables, bytes, from, end, found);
  }
}

}  // namespace fixelf
