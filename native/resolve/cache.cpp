#include "resolve/cache.hpp"

#include <algorithm>
#include <cstring>

namespace fixelf {

namespace {

constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::string_view kNewMagic = "glibc-ld.so.cache1.1";
constexpr size_t kOldHeaderSize = 16;
constexpr size_t kOldEntrySize = 12;
constexpr size_t kNewHeaderSize = 48;
constexpr size_t kNewEntrySize = 24;
constexpr size_t kLongestName = 4096;

// dl-cache.h: FLAG_ELF, which nothing writes any more, and FLAG_ELF_LIBC6.
constexpr uint32_t kElf = 1;
constexpr uint32_t kElfLibc6 = 3;

// The upper half of an entry's hwcap: bit 62 marks it as being for a directory of glibc-hwcaps,
// whose number is the lower half; ten bits hold an ISA level (DL_CACHE_HWCAP_*).
constexpr uint32_t kNamedHwcap = 1U << 30U;
constexpr uint32_t kIsaLevelMask = (1U << 10U) - 1;

constexpr uint32_t kExtensionMagic = 0xeaa42174;  // cache_extension_magic
constexpr uint32_t kHwcapsExtension = 1;          // cache_extension_tag_glibc_hwcaps
constexpr uint32_t kMostExtensions = 64;
constexpr uint32_t kMostHwcaps = 4096;

// The flags with which ldconfig marks libraries for programs like this one (each machine's
// dl-cache.h, _DL_CACHE_DEFAULT_ID).
uint32_t ownFlags(const FileHeader& program) {
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

bool isDigit(char byte) {
  return byte >= '0' && byte <= '9';
}

// The number at the start of `text`, which is removed; it overflows as the loader's int does.
int32_t takeNumber(std::string_view& text) {
  uint32_t number = 0;
  while (!text.empty() && isDigit(text.front())) {
    number = number * 10 + static_cast<uint32_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  return static_cast<int32_t>(number);
}

// _dl_cache_libcmp: digits are compared as numbers, so that libx.so.10 is above libx.so.9, and
// libx.so.01 the same as libx.so.1. Negative where `one` is below.
int compareNames(std::string_view one, std::string_view other) {
  // To the loader both are C strings, ending at a NUL.
  one = one.substr(0, one.find('\0'));
  other = other.substr(0, other.find('\0'));
  while (!one.empty()) {
    const char theirs = other.empty() ? '\0' : other.front();
    if (isDigit(one.front())) {
      if (!isDigit(theirs)) return 1;
      const int32_t left = takeNumber(one);
      const int32_t right = takeNumber(other);
      if (left != right) return left < right ? -1 : 1;
    } else if (isDigit(theirs)) {
      return -1;
    } else if (one.front() != theirs) {
      return one.front() < theirs ? -1 : 1;
    } else {
      one.remove_prefix(1);
      other.remove_prefix(1);
    }
  }
  return other.empty() ? 0 : -1;
}

}  // namespace

LoaderCache::LoaderCache(std::shared_ptr<const std::vector<uint8_t>> bytes,
                         const FileHeader& program, HardwareDirectories hardware,
                         std::optional<uint32_t> x86Isa)
    : bytes_(std::move(bytes)),
      codec_(Class::Elf64, program.byteOrder),
      program_(program),
      hardware_(std::move(hardware)),
      x86Isa_(x86Isa) {
  if (!bytes_) return;
  const auto startsAt = [&](size_t offset, std::string_view magic) {
    return inside(offset, magic.size(), bytes_->size()) &&
           std::memcmp(bytes_->data() + offset, magic.data(), magic.size()) == 0;
  };
  bool old = false;
  if (startsAt(0, kOldMagic) && bytes_->size() > kOldHeaderSize) {
    const uint64_t count = codec_.u32(bytes_->data() + 12);
    if (count > (bytes_->size() - kOldHeaderSize) / kOldEntrySize) return;
    const uint64_t end = kOldHeaderSize + count * kOldEntrySize;
    // Aligned like struct cache_file_new: to 8 bytes, on i386 to 4.
    start_ = static_cast<size_t>(alignUp(end, program.machine == EM_386 ? 4 : 8));
    old = !startsAt(start_, kNewMagic) || !inside(start_, kNewHeaderSize, bytes_->size());
    if (old) {
      entries_ = kOldHeaderSize;
      entrySize_ = kOldEntrySize;
      strings_ = static_cast<size_t>(end);
      count_ = static_cast<size_t>(count);
      return;
    }
  }
  if (!startsAt(start_, kNewMagic) || !inside(start_, kNewHeaderSize, bytes_->size())) return;
  const uint8_t* header = bytes_->data() + start_;
  // cache_file_new_matches_endian: 0 is unset, 2 little, 3 big. A loader of the other byte order
  // ignores the cache.
  const int own = program.byteOrder == ByteOrder::Little ? 2 : 3;
  const int order = header[28] & 3;
  if (order != 0 && order != own) return;
  const size_t room = (bytes_->size() - start_ - kNewHeaderSize) / kNewEntrySize;
  const uint32_t count = codec_.u32(header + 20);
  if (count > room) return;
  entries_ = start_ + kNewHeaderSize;
  entrySize_ = kNewEntrySize;
  strings_ = start_;
  count_ = count;
  readExtensions();
}

// cache_extension_load: a table of sections, one of which lists the names below glibc-hwcaps that
// there are entries for.
void LoaderCache::readExtensions() {
  const uint8_t* data = bytes_->data();
  const uint64_t at = uint64_t{start_} + codec_.u32(data + start_ + 32);
  if (at == start_ || !inside(at, 8, bytes_->size())) return;
  if (codec_.u32(data + at) != kExtensionMagic) return;
  const uint32_t sections = std::min(codec_.u32(data + at + 4), kMostExtensions);
  for (uint32_t index = 0; index < sections; ++index) {
    const uint64_t section = at + 8 + uint64_t{index} * 16;
    if (!inside(section, 16, bytes_->size())) return;
    if (codec_.u32(data + section) != kHwcapsExtension) continue;
    const uint64_t offset = uint64_t{start_} + codec_.u32(data + section + 8);
    const uint32_t size = codec_.u32(data + section + 12);
    if (!inside(offset, size, bytes_->size())) return;
    for (uint32_t name = 0; name < std::min(size / 4, kMostHwcaps); ++name) {
      const auto text = textAt(codec_.u32(data + offset + uint64_t{name} * 4));
      const auto level =
          std::find(hardware_.levels.begin(), hardware_.levels.end(), text.value_or(""));
      priorities_.push_back(
          level == hardware_.levels.end()
              ? 0
              : static_cast<size_t>(std::distance(hardware_.levels.begin(), level)) + 1);
    }
  }
}

LoaderCache::Entry LoaderCache::entryAt(size_t index) const {
  const uint8_t* at = bytes_->data() + entries_ + index * entrySize_;
  return {codec_.u32(at), codec_.u32(at + 4), codec_.u32(at + 8),
          entrySize_ == kNewEntrySize ? codec_.u64(at + 16) : 0};
}

std::optional<std::string_view> LoaderCache::textAt(uint64_t offset) const {
  const uint64_t at = strings_ + offset;
  if (at >= bytes_->size()) return std::nullopt;
  const char* text = reinterpret_cast<const char*>(bytes_->data() + at);
  return std::string_view(text, strnlen(text, std::min<size_t>(bytes_->size() - at, kLongestName)));
}

std::optional<int> LoaderCache::compare(std::string_view soname, size_t index) const {
  const auto name = textAt(entryAt(index).key);
  if (!name) return std::nullopt;
  return compareNames(soname, *name);
}

// _dl_cache_check_flags, each machine's dl-cache.h.
bool LoaderCache::fitsMachine(uint32_t flags) const {
  if (flags == ownFlags(program_)) return true;
  switch (program_.machine) {
    case EM_ARM:
      // "to support the transition from unmarked objects to marked objects"
      return flags == kElfLibc6;
    case EM_386:
    case EM_PPC:
    case EM_SPARC:
      return flags == kElf;
    default:
      return false;
  }
}

size_t LoaderCache::priority(const Entry& entry) const {
  if (x86Isa_) {
    const uint32_t level =
        1U << std::min(31U, static_cast<uint32_t>(entry.hwcap >> 32U) & kIsaLevelMask);
    if ((level & *x86Isa_) != level) return 0;
  }
  const auto number = static_cast<uint32_t>(entry.hwcap);
  return number < priorities_.size() ? priorities_[number] : 0;
}

std::optional<std::string> LoaderCache::find(std::string_view soname) const {
  // The entries are in descending order.
  ptrdiff_t left = 0;
  ptrdiff_t right = static_cast<ptrdiff_t>(count_) - 1;
  while (left <= right) {
    ptrdiff_t middle = (left + right) / 2;
    const auto order = compare(soname, static_cast<size_t>(middle));
    if (!order) return std::nullopt;
    if (*order < 0) {
      left = middle + 1;
      continue;
    }
    if (*order > 0) {
      right = middle - 1;
      continue;
    }
    while (middle > 0) {
      const auto before = compare(soname, static_cast<size_t>(middle - 1));
      if (!before) return std::nullopt;
      if (*before != 0) break;
      --middle;
    }
    std::optional<std::string> best;
    size_t bestPriority = 0;
    for (; middle <= right && compare(soname, static_cast<size_t>(middle)) == 0; ++middle) {
      const Entry entry = entryAt(static_cast<size_t>(middle));
      const auto path = textAt(entry.value);
      if (!fitsMachine(entry.flags) || !path) continue;
      const bool named =
          (static_cast<uint32_t>(entry.hwcap >> 32U) & ~kIsaLevelMask) == kNamedHwcap;
      if (named) {
        // All usable ones are considered: the cache is not in order of preference.
        const size_t own = priority(entry);
        if (own == 0 || (best && own >= bestPriority)) continue;
        bestPriority = own;
        best = *path;
        continue;
      }
      // Those for glibc-hwcaps come first, and win.
      if (best && bestPriority != 0) break;
      if ((entry.hwcap & ~hardware_.legacyBits) != 0) continue;
      best = *path;
      if (entry.flags == ownFlags(program_)) break;
    }
    return best;
  }
  return std::nullopt;
}

}  // namespace fixelf
