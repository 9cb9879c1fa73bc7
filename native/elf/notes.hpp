// Notes: what a toolchain or distribution left in PT_NOTE for others to read.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

struct AbiTag {
  std::string operatingSystem;       // "linux", "hurd", "solaris", "freebsd"
  std::array<uint32_t, 3> kernel{};  // the least version that it runs on
};

// Where one needed library is: `=FILE`, or a `?DIRECTORY` to be searched; colon-separated.
struct CachedResolution {
  std::string soname;
  std::string places;
};

struct Notes {
  std::string buildId;  // hexadecimal, empty if there is none
  std::optional<AbiTag> abiTag;
  std::vector<std::string> dlopen;       // .note.dlopen: JSON texts, as written
  std::optional<uint32_t> x86IsaNeeded;  // bits of GNU_PROPERTY_X86_ISA_1_NEEDED
  bool indirectExternAccess = false;     // GNU_PROPERTY_1_NEEDED_INDIRECT_EXTERN_ACCESS
  // What nixpkgs' glibc reads instead of searching (.note.nixos.ldcache), as written.
  std::optional<std::vector<CachedResolution>> resolutionCache;
};

// One note of a segment or section (gABI chapter 5, "Note Section").
struct Note {
  uint32_t type = 0;
  std::string owner;    // without its NULs; empty if longer than any known one
  uint64_t offset = 0;  // of the descriptor, in the file
  uint64_t size = 0;    // of the descriptor
};

// Calls `visit` for each note in a range of the file until it returns false, and returns whether
// all notes were inside the range and were visited. Descriptors, which may be gigabytes (postject
// puts a whole program into one), are skipped by their size. `alignment` is 4 or 8. `left` is how
// many more notes may be examined, and is counted down: many headers may share one segment of
// zeros.
bool visitNotes(const Source& source, const Codec& codec, const ProgramHeader& segment,
                uint64_t alignment, uint64_t& left, const std::function<bool(const Note&)>& visit);

// Fails with LimitExceeded if the notes that are read, not skipped, exceed Limits::kNotes together.
Result<Notes> readNotes(const Source& source, const Image& image);

// The build id from a note in a section: kernel modules have no segments, and Go's static programs
// none for it. Empty if there is none.
std::string readBuildId(const Source& source, const Image& image, const SectionHeader& section);

}  // namespace fixelf
