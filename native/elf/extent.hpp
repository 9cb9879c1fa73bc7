// How far the ELF structure of a file reaches, and whether the bytes behind it mean anything.
#pragma once

#include <optional>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

// Bytes behind the ELF structure that something may look for: an AppImage's file system, the
// program that `pkg` or `bun --compile` packed.
struct Overlay {
  uint64_t offset = 0;
  uint64_t size = 0;
};

// The file offset behind the last byte that headers, segments and sections account for. A section
// that claims more than the file has does not count.
uint64_t structureEnd(const Image& image, const std::vector<SectionHeader>& sections,
                      uint64_t fileSize);

// Up to this many zeros are padding: tools round a file's size up to some alignment, and no linker
// has a larger one than 2 MiB (x86-64's max-page-size before binutils 2.31, a huge page). patchelf
// from 0.16 on leaves one zero byte (src/patchelf.cc, binutilsQuirkPadding). A longer run was put
// there for a reason of its own, and is not read.
constexpr uint64_t kMostPadding = 2U << 20;

// Whether a range is only padding; false if it cannot be read.
bool isPadding(const Source& source, uint64_t offset, uint64_t end);
// Whether it is only padding and what patchelf writes over what it has moved: X, and Z since 0.18
// (src/patchelf.cc, writeReplacedSections). That nothing refers to it is for the caller to know.
bool isVacated(const Source& source, uint64_t offset, uint64_t end);

// None if only padding follows the structure, and for core files.
std::optional<Overlay> findOverlay(const Source& source, const Image& image,
                                   const std::vector<SectionHeader>& sections);

}  // namespace fixelf
