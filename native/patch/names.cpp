#include "patch/names.hpp"

#include <algorithm>
#include <array>

#include "elf/versions.hpp"

namespace fixelf {

namespace {

constexpr uint64_t kMostNameBytes = 256U << 20;
constexpr uint64_t kMostSymbols = 16U << 20;

// DT_HASH: nchain equals the number of symbols. Its words are 32 bits wide except on 64-bit s390
// and Alpha (<elf.h>: Elf_Symndx; binutils bfd/elf64-s390.c sets hash entries of 8 bytes).
std::optional<uint64_t> countFromHash(const Source& source, const Image& image) {
  const auto address = image.dynamicValue(DT_HASH);
  const auto offset = address ? image.fileOffset(*address) : std::nullopt;
  if (!offset) return std::nullopt;
  const bool wideWords =
      image.codec.wide() && (image.header.machine == EM_S390 || image.header.machine == 0x9026);
  std::array<uint8_t, 16> bytes{};
  if (!source.read(*offset, std::span(bytes).first(wideWords ? 16 : 8))) return std::nullopt;
  return wideWords ? image.codec.u64(&bytes[8]) : image.codec.u32(&bytes[4]);
}

// DT_GNU_HASH: the last symbol is the end of the chain of the highest bucket. A table without any
// hashed symbol does not say how many unhashed ones there are.
std::optional<uint64_t> countFromGnuHash(const Source& source, const Image& image) {
  const auto address = image.dynamicValue(DT_GNU_HASH);
  const auto offset = address ? image.fileOffset(*address) : std::nullopt;
  if (!offset) return std::nullopt;
  std::array<uint8_t, 16> head{};
  if (!source.read(*offset, head)) return std::nullopt;
  const uint64_t bucketCount = image.codec.u32(&head[0]);
  const uint64_t firstHashed = image.codec.u32(&head[4]);
  const uint64_t bloomWords = image.codec.u32(&head[8]);
  const uint64_t bucketsAt = *offset + 16 + bloomWords * image.codec.wordSize();
  auto buckets = source.bytes(bucketsAt, bucketCount * 4, kMostSymbols * 4);
  if (!buckets) return std::nullopt;
  uint64_t last = 0;
  for (size_t at = 0; at < buckets->size(); at += 4) {
    last = std::max<uint64_t>(last, image.codec.u32(&(*buckets)[at]));
  }
  if (last < firstHashed) return std::nullopt;
  const uint64_t chainsAt = bucketsAt + bucketCount * 4;
  for (; last < kMostSymbols; ++last) {
    std::array<uint8_t, 4> word{};
    if (!source.read(chainsAt + (last - firstHashed) * 4, word)) return std::nullopt;
    if ((image.codec.u32(word.data()) & 1U) != 0) return last + 1;
  }
  return std::nullopt;
}

std::optional<uint64_t> countFromSections(const Image& image,
                                          const std::vector<SectionHeader>& sections) {
  const auto address = image.dynamicValue(DT_SYMTAB);
  for (const SectionHeader& section : sections) {
    if (section.type == SHT_DYNSYM && address && section.address == *address) {
      return section.size / image.codec.symbolSize();
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> dynamicSymbolCount(const Source& source, const Image& image,
                                           const std::vector<SectionHeader>& sections) {
  if (!image.dynamicValue(DT_SYMTAB)) return 0;
  std::optional<uint64_t> most;
  const auto mips =
      image.header.machine == EM_MIPS ? image.dynamicValue(DT_MIPS_SYMTABNO) : std::nullopt;
  for (const auto& count : {mips, countFromHash(source, image), countFromGnuHash(source, image),
                            countFromSections(image, sections)}) {
    // Sources that disagree are all believed: too many references do no harm.
    if (count) most = std::max(most.value_or(0), *count);
  }
  if (most && *most > kMostSymbols) return std::nullopt;
  return most;
}

Result<DynamicNames> DynamicNames::read(const Source& source, const Image& image,
                                        const std::vector<SectionHeader>& sections,
                                        const std::vector<int64_t>& ignoredTags) {
  const auto table = StringTable::dynamicOf(image);
  if (!table) {
    return Error{ErrorCode::Unsupported, "the file has no dynamic string table", {}, 0};
  }
  DynamicNames names;
  names.table_ = *table;
  auto bytes = source.bytes(table->offset, table->size, kMostNameBytes);
  if (!bytes) return bytes.error();
  names.bytes_ = std::move(*bytes);
  names.live_.assign(names.bytes_.size(), true);
  if (Status status = names.markReferences(source, image, sections, ignoredTags); !status) {
    return status.error();
  }
  return names;
}

Status DynamicNames::markReferences(const Source& source, const Image& image,
                                    const std::vector<SectionHeader>& sections,
                                    const std::vector<int64_t>& ignoredTags) {
  const auto count = dynamicSymbolCount(source, image, sections);
  if (!count) return Done{};
  for (const SectionHeader& section : sections) {
    // Somebody else's table may index our strings (prelink's SHT_GNU_LIBLIST, for one).
    if (section.link == 0 || section.link >= sections.size() ||
        sections[section.link].offset != table_.offset) {
      continue;
    }
    const bool known = section.type == SHT_DYNSYM || section.type == SHT_DYNAMIC ||
                       section.type == SHT_GNU_verdef || section.type == SHT_GNU_verneed;
    if (!known) return Done{};
  }

  std::vector<bool> starts(bytes_.size(), false);
  const auto mark = [&](uint64_t index) {
    if (index < starts.size()) starts[static_cast<size_t>(index)] = true;
  };
  mark(0);
  for (const DynamicEntry& entry : image.dynamic) {
    switch (entry.tag) {
      case DT_NEEDED:
      case DT_SONAME:
      case DT_RPATH:
      case DT_RUNPATH:
      case DT_CONFIG:
      case DT_DEPAUDIT:
      case DT_AUDIT:
      case DT_AUXILIARY:
      case DT_FILTER:
        if (std::find(ignoredTags.begin(), ignoredTags.end(), entry.tag) == ignoredTags.end()) {
          mark(entry.value);
        }
        break;
      default:
        break;
    }
  }
  if (*count > 0) {
    const auto offset = image.fileOffset(*image.dynamicValue(DT_SYMTAB));
    if (!offset) return Done{};
    const size_t size = image.codec.symbolSize();
    auto symbols = source.bytes(*offset, *count * size, kMostSymbols * size);
    if (!symbols) return Done{};
    // st_name is the first field in both classes.
    for (size_t at = 0; at < symbols->size(); at += size)
      mark(image.codec.u32(&(*symbols)[at]));
  }
  if (Status status = visitVersionNames(source, image, mark); !status) return status;

  // A name lives from where it is referred to up to its NUL: one sweep, however many there are.
  bool live = false;
  for (size_t at = 0; at < bytes_.size(); ++at) {
    live = live || starts[at];
    live_[at] = live;
    if (bytes_[at] == 0) live = false;
  }
  complete_ = true;
  return Done{};
}

std::optional<uint64_t> DynamicNames::find(const std::string& text) const {
  const auto* terminated = reinterpret_cast<const uint8_t*>(text.c_str());
  const auto found =
      std::search(bytes_.begin(), bytes_.end(), terminated, terminated + text.size() + 1);
  if (found == bytes_.end()) return std::nullopt;
  return static_cast<uint64_t>(found - bytes_.begin());
}

std::optional<uint64_t> DynamicNames::room(const std::string& text) const {
  if (!complete_) return std::nullopt;
  const uint64_t length = text.size() + 1;
  uint64_t run = 0;
  for (uint64_t at = 0; at < live_.size(); ++at) {
    run = live_[static_cast<size_t>(at)] ? 0 : run + 1;
    if (run == length) return at + 1 - length;
  }
  return std::nullopt;
}

uint64_t DynamicNames::liveSize() const {
  uint64_t size = live_.size();
  while (size > 0 && !live_[static_cast<size_t>(size - 1)])
    --size;
  return size;
}

}  // namespace fixelf
