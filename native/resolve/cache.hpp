// ld.so.cache: what ldconfig found in the directories of ld.so.conf.
//
// Both formats are read (struct cache_file and struct cache_file_new in glibc's
// sysdeps/generic/dl-cache.h), also the new one behind the old one, as ldconfig wrote both until
// glibc 2.32. The search follows elf/dl-cache.c to the letter: a cache that another program wrote
// need not be in order, and then it matters which entries a binary search meets.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elf/format.hpp"
#include "resolve/hwcaps.hpp"

namespace fixelf {

class LoaderCache {
 public:
  // Empty if the bytes are not such a cache, as the loader sees it.
  LoaderCache() = default;
  // `x86Isa`: the processor's own bits, none if the machine has no such thing.
  LoaderCache(std::shared_ptr<const std::vector<uint8_t>> bytes, const FileHeader& program,
              HardwareDirectories hardware, std::optional<uint32_t> x86Isa);

  // The one path that the loader takes from the cache for a name.
  [[nodiscard]] std::optional<std::string> find(std::string_view soname) const;

 private:
  struct Entry {
    uint32_t flags = 0;
    uint32_t key = 0;
    uint32_t value = 0;
    uint64_t hwcap = 0;
  };

  void readExtensions();
  [[nodiscard]] Entry entryAt(size_t index) const;
  // None if the offset is outside the file.
  [[nodiscard]] std::optional<std::string_view> textAt(uint64_t offset) const;
  // How an entry's name compares with `soname`; none if it has no name.
  [[nodiscard]] std::optional<int> compare(std::string_view soname, size_t index) const;
  [[nodiscard]] bool fitsMachine(uint32_t flags) const;
  // For an entry for glibc-hwcaps: 1 is the best, 0 unusable.
  [[nodiscard]] size_t priority(const Entry& entry) const;

  std::shared_ptr<const std::vector<uint8_t>> bytes_;
  Codec codec_{Class::Elf64, ByteOrder::Little};
  FileHeader program_;
  HardwareDirectories hardware_;
  std::optional<uint32_t> x86Isa_;
  std::vector<size_t> priorities_;  // of the names in the cache's own table of hwcaps
  size_t start_ = 0;                // of the new format; string offsets count from here
  size_t entries_ = 0;              // offset of the first
  size_t entrySize_ = 0;
  size_t strings_ = 0;  // what string offsets count from
  size_t count_ = 0;
};

}  // namespace fixelf
