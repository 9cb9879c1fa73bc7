// Where patchelf has to stop so that it doesn't put the dynamic table into a read-only segment.
//
// In a position-dependent program patchelf before 0.19 packs the sections together, from the first
// one to one of SHT_PROGBITS or the one behind .dynstr, and puts what has grown, including
// .dynamic, into the room that this makes; without room it adds a writable segment
// (src/patchelf.cc, rewriteSectionsExecutable). As linked, a program has no room before the end of
// .dynstr. Once that has moved, patchelf goes on to the code, before which GNU ld leaves the rest
// of a page.
#pragma once

#include "patch/draft.hpp"

namespace fixelf {

// The header of a section at which it stops: one byte of the place that a piece has left. None if
// there is no such room. Whatever has no place yet goes to the end of the file.
std::optional<SectionHeader> patchelfStop(const Draft& draft);

}  // namespace fixelf
