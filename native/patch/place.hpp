// Where pieces go that do not fit where they were; see docs/architecture.md for the order in which
// places are tried.
#pragma once

#include "elf/extent.hpp"
#include "patch/draft.hpp"

namespace fixelf {

struct Placed {
  uint64_t tableOffset = 0;  // of the program headers
  uint64_t newSize = 0;      // of the file
  // An area that was laid out again: all of it is written, with zeros for what is not a piece.
  struct Extent {
    uint64_t offset = 0;
    uint64_t end = 0;
  };
  std::optional<Extent> cleared;
  // The section header table and the section names, if a section is added.
  uint64_t sectionsOffset = 0;
  std::optional<ByteRange> sectionNames;
  bool leavesRoom = false;  // for a program header table of LIEF, before the appended segment
  // A payload whose repetition ends the file.
  std::optional<Overlay> repeated;
  [[nodiscard]] std::optional<std::string> warning() const;
  // Two things that would share a place: a reason to refuse, unless nothing changes. A hostile file
  // may have been made that way, or its tables may mean something else since an edit: what was
  // asked once can always be asked again.
  std::optional<Error> collision;
};

// `leastAlignment` of an appended segment: a power of two, or 0.
Result<Placed> place(Draft& draft, uint64_t leastAlignment);

}  // namespace fixelf
