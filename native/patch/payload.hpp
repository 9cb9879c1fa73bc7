// A payload that a new segment is put behind. A program looks for its payload at a known offset or
// from the end of its file, and there is no telling which: so the payload stays where it is, and
// its repetition ends the file.
#pragma once

#include "elf/extent.hpp"

namespace fixelf {

// A repetition is held in memory (patchelf holds the whole file).
constexpr uint64_t kMostRepeated = 256U << 20;

// Whether a payload is the repetition that an earlier edit made: the same bytes, and zeros that
// align the area, precede the segment that it follows.
bool isRepetition(const Source& source, const Overlay& payload, const ProgramHeader& area);

}  // namespace fixelf
