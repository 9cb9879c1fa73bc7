// ld.so.cache: what ldconfig found in the directories of ld.so.conf.
//
// Only the new format is read (struct cache_file_new in glibc's sysdeps/generic/dl-cache.h), alone
// or behind the old one, as ldconfig wrote both until glibc 2.32. Entries for glibc-hwcaps are not
// searched yet: they are left out, and the plain entry of the same name is taken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "elf/format.hpp"

namespace fixelf {

// The flags with which ldconfig marks libraries for programs like this one (dl-cache.h, FLAG_*;
// each machine's dl-cache.h, _DL_CACHE_DEFAULT_ID).
uint32_t cacheFlags(const FileHeader& program);

class LoaderCache {
 public:
  // Empty where the bytes are no such cache, as the loader takes it.
  LoaderCache() = default;
  LoaderCache(std::shared_ptr<const std::vector<uint8_t>> bytes, ByteOrder programOrder);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  // The paths for a name, in the order of preference. The loader tries none but the first.
  [[nodiscard]] std::vector<std::string> find(const std::string& soname, uint32_t flags) const;

 private:
  [[nodiscard]] bool equals(uint32_t offset, const std::string& text) const;
  [[nodiscard]] std::string textAt(uint32_t offset) const;

  std::shared_ptr<const std::vector<uint8_t>> bytes_;
  Codec codec_{Class::Elf64, ByteOrder::Little};
  size_t start_ = 0;  // of the new format; offsets of strings count from here
  size_t count_ = 0;
};

}  // namespace fixelf
