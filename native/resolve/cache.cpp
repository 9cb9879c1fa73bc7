#include "resolve/cache.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fixelf {

namespace {

constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::string_view kNewMagic = "glibc-ld.so.cache1.1";
constexpr size_t kOldHeaderSize = 16;
constexpr size_t kOldEntrySize = 12;
constexpr size_t kNewHeaderSize = 48;
constexpr size_t kNewEntrySize = 24;
constexpr uint32_t kElf = 1;       // FLAG_ELF: any libc; nobody writes it any more
constexpr uint32_t kElfLibc6 = 3;  // FLAG_ELF_LIBC6
constexpr size_t kLongestPath = 4096;

}  // namespace

uint32_t cacheFlags(const FileHeader& program) {
  const bool wide = program.fileClass == Class::Elf64;
  switch (program.machine) {
    case EM_X86_64:
      return wide ? 0x0303 : 0x0803;
    case EM_AARCH64:
      return 0x0a03;
    case EM_ARM:
      return (program.flags & EF_ARM_ABI_FLOAT_HARD) != 0 ? 0x0903 : 0x0b03;
    case EM_PPC64:
      return 0x0503;
    case EM_S390:
      return wide ? 0x0403 : kElfLibc6;
    case EM_SPARCV9:
      return 0x0103;
    case EM_IA_64:
      return 0x0203;
    case EM_MIPS: {
      const bool nan2008 = (program.flags & EF_MIPS_NAN2008) != 0;
      if (wide) return nan2008 ? 0x0e03 : 0x0703;
      if ((program.flags & EF_MIPS_ABI2) != 0) return nan2008 ? 0x0d03 : 0x0603;
      return nan2008 ? 0x0c03 : kElfLibc6;
    }
    case EM_RISCV:
      return (program.flags & 6) == 4 ? 0x1003 : 0x0f03;  // EF_RISCV_FLOAT_ABI
    case 258:
      return (program.flags & 7) == 3 ? 0x1203 : 0x1103;  // EM_LOONGARCH
    default:
      return kElfLibc6;
  }
}

LoaderCache::LoaderCache(std::shared_ptr<const std::vector<uint8_t>> bytes, ByteOrder programOrder)
    : bytes_(std::move(bytes)) {
  if (!bytes_) return;
  const auto startsAt = [&](size_t offset, std::string_view magic) {
    return inside(offset, magic.size(), bytes_->size()) &&
           std::memcmp(bytes_->data() + offset, magic.data(), magic.size()) == 0;
  };
  codec_ = Codec(Class::Elf64, programOrder);
  if (startsAt(0, kOldMagic) && bytes_->size() >= kOldHeaderSize) {
    const uint64_t old = kOldHeaderSize + uint64_t{codec_.u32(bytes_->data() + 12)} * kOldEntrySize;
    // Aligned as struct cache_file_new is: to 8 bytes, on i386 to 4.
    start_ = static_cast<size_t>(alignUp(old, 8));
    if (!startsAt(start_, kNewMagic)) start_ = static_cast<size_t>(alignUp(old, 4));
  }
  if (!startsAt(start_, kNewMagic) || !inside(start_, kNewHeaderSize, bytes_->size())) return;
  const uint8_t* header = bytes_->data() + start_;
  // cache_file_new_matches_endian: 0 is unset, 2 little, 3 big. The loader of another byte order
  // takes no notice of the cache.
  const int own = programOrder == ByteOrder::Little ? 2 : 3;
  const int order = header[28] & 3;
  if (order != 0 && order != own) return;
  const size_t room = (bytes_->size() - start_ - kNewHeaderSize) / kNewEntrySize;
  count_ = std::min<size_t>(codec_.u32(header + 20), room);
}

bool LoaderCache::equals(uint32_t offset, const std::string& text) const {
  const uint64_t at = uint64_t{start_} + offset;
  return inside(at, text.size() + 1, bytes_->size()) &&
         std::memcmp(bytes_->data() + at, text.c_str(), text.size() + 1) == 0;
}

std::string LoaderCache::textAt(uint32_t offset) const {
  const uint64_t at = uint64_t{start_} + offset;
  if (at >= bytes_->size()) return {};
  const char* text = reinterpret_cast<const char*>(bytes_->data() + at);
  return {text, strnlen(text, std::min<size_t>(bytes_->size() - at, kLongestPath))};
}

std::vector<std::string> LoaderCache::find(const std::string& soname, uint32_t flags) const {
  std::vector<std::string> exact;
  std::vector<std::string> any;
  for (size_t index = 0; index < count_; ++index) {
    const uint8_t* entry = bytes_->data() + start_ + kNewHeaderSize + index * kNewEntrySize;
    const uint32_t entryFlags = codec_.u32(entry);
    if (entryFlags != flags && entryFlags != kElf) continue;
    if (codec_.u64(entry + 16) != 0) continue;  // a hwcaps entry
    if (!equals(codec_.u32(entry + 4), soname)) continue;
    std::string path = textAt(codec_.u32(entry + 8));
    if (!path.empty()) (entryFlags == flags ? exact : any).push_back(std::move(path));
  }
  exact.insert(exact.end(), any.begin(), any.end());
  return exact;
}

}  // namespace fixelf
