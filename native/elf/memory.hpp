// What a loader finds in memory once a file has been mapped. It follows the pointers of the dynamic
// table without checking the segments, so a wrong one ends the process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "elf/image.hpp"

namespace fixelf {

class Memory {
 public:
  // Pages of the smallest size, which every kernel has.
  static constexpr uint64_t kPage = 4096;

  Memory(const Image& image, uint64_t fileSize);

  // Whether all of a range can be read, or written. An empty one can be anywhere.
  [[nodiscard]] bool readable(uint64_t address, uint64_t size) const {
    return covered(address, size, PF_R | PF_W);
  }
  [[nodiscard]] bool writable(uint64_t address, uint64_t size) const {
    return covered(address, size, PF_W);
  }
  [[nodiscard]] bool executable(uint64_t address) const { return covered(address, 1, PF_X); }
  [[nodiscard]] bool mapped(uint64_t address, uint64_t size) const {
    return covered(address, size, 0);
  }

 private:
  struct Pages {
    uint64_t start;
    uint64_t end;  // of what can be accessed: pages past the file's end cannot (SIGBUS)
    uint32_t flags;
  };
  // Whether each page has one of the flags; 0 accepts any.
  [[nodiscard]] bool covered(uint64_t address, uint64_t size, uint32_t flags) const;

  std::vector<Pages> pages_;  // by their start
};

// Why a process in which the file is mapped would end, as a sentence without the path; none if
// there is no reason. The contents of relocations and hash tables are not examined.
struct Damage {
  std::optional<std::string> atStart;  // by the kernel, or by any loader that it starts
  std::optional<std::string> byGlibc;  // by glibc's loader, if not already before

  [[nodiscard]] const std::optional<std::string>& any() const {
    return atStart ? atStart : byGlibc;
  }
};

Damage damageIn(const Image& image, uint64_t fileSize);

}  // namespace fixelf
