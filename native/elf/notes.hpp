// Notes: what a toolchain or distribution left in PT_NOTE for others to read.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

struct AbiTag {
  std::string operatingSystem;       // "linux", "hurd", "solaris", "freebsd"
  std::array<uint32_t, 3> kernel{};  // the least version on which it runs
};

// Where one needed library lies: `=FILE`, or `?DIRECTORY` that has to be searched; colon-separated.
struct CachedResolution {
  std::string soname;
  std::string places;
};

struct Notes {
  std::string buildId;  // hexadecimal, empty where there is none
  std::optional<AbiTag> abiTag;
  std::vector<std::string> dlopen;       // .note.dlopen: JSON texts, as written
  std::optional<uint32_t> x86IsaNeeded;  // bits of GNU_PROPERTY_X86_ISA_1_NEEDED
  // What nixpkgs' glibc reads instead of searching (.note.nixos.ldcache), as written.
  std::optional<std::vector<CachedResolution>> resolutionCache;
};

// How one note lies in the bytes of a segment or section (gABI chapter 5, "Note Section"): only its
// header is known to be inside them. Nothing wraps, since the sizes have 32 bits.
struct NoteExtent {
  static constexpr uint64_t kHeaderSize = 12;
  // `at` is where the header begins, which has to be inside.
  NoteExtent(const Codec& codec, std::span<const uint8_t> bytes, uint64_t at, uint64_t alignment);

  uint32_t type;
  uint64_t nameAt;
  uint64_t nameSize;
  uint64_t descriptionAt;
  uint64_t descriptionSize;
  uint64_t end;  // where the next one begins
};

Result<Notes> readNotes(const Source& source, const Image& image);

}  // namespace fixelf
