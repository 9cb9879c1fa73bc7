#include "elf/symbols.hpp"

#include <algorithm>
#include <array>

namespace fixelf {

uint32_t systemVHash(std::string_view name) {
  uint32_t hash = 0;
  for (const char letter : name) {
    hash = (hash << 4U) + static_cast<uint8_t>(letter);
    hash ^= (hash >> 24U) & 0xf0U;
    hash &= 0x0fffffffU;
  }
  return hash;
}

uint32_t gnuHash(std::string_view name) {
  uint32_t hash = 5381;
  for (const char letter : name)
    hash = hash * 33 + static_cast<uint8_t>(letter);
  return hash;
}

namespace {

constexpr uint16_t kAlpha = 0x9026;  // EM_ALPHA

std::optional<uint64_t> offsetOf(const Image& image, int64_t tag) {
  const auto address = image.dynamicValue(tag);
  return address ? image.fileOffset(*address) : std::nullopt;
}

std::optional<uint64_t> countFromSections(const Image& image,
                                          const std::vector<SectionHeader>& sections) {
  const auto address = image.dynamicValue(DT_SYMTAB);
  for (const SectionHeader& section : sections) {
    if (section.type == SHT_DYNSYM && address && section.address == *address)
      return section.size / image.codec.symbolSize();
  }
  return std::nullopt;
}

}  // namespace

std::optional<SystemVHashHead> SystemVHashHead::read(const Source& source, const Image& image) {
  const auto offset = offsetOf(image, DT_HASH);
  if (!offset) return std::nullopt;
  SystemVHashHead head;
  head.offset = *offset;
  const bool wide =
      image.codec.wide() && (image.header.machine == EM_S390 || image.header.machine == kAlpha);
  head.wordSize = wide ? 8 : 4;
  std::array<uint8_t, 16> bytes{};
  if (!source.read(*offset, std::span(bytes).first(2 * head.wordSize))) return std::nullopt;
  head.bucketCount = wide ? image.codec.u64(bytes.data()) : image.codec.u32(bytes.data());
  head.chainCount = wide ? image.codec.u64(&bytes[8]) : image.codec.u32(&bytes[4]);
  const uint64_t most = kMostDynamicSymbols;
  if (head.bucketCount > most || head.chainCount > most) return std::nullopt;
  return head;
}

std::optional<GnuHashHead> GnuHashHead::read(const Source& source, const Image& image) {
  const auto offset = offsetOf(image, DT_GNU_HASH);
  if (!offset) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  if (!source.read(*offset, bytes)) return std::nullopt;
  const Codec& codec = image.codec;
  GnuHashHead head;
  head.offset = *offset;
  head.bucketCount = codec.u32(&bytes[0]);
  head.firstHashed = codec.u32(&bytes[4]);
  head.bloomWords = codec.u32(&bytes[8]);
  head.bloomShift = codec.u32(&bytes[12]);
  head.hashedEnd = head.firstHashed;
  if (head.bucketCount > kMostDynamicSymbols) return std::nullopt;
  // The last symbol is the end of the highest bucket's chain.
  uint64_t last = 0;
  const auto take = [&](std::span<const uint8_t> buckets, uint64_t) {
    for (size_t at = 0; at < buckets.size(); at += 4)
      last = std::max<uint64_t>(last, codec.u32(&buckets[at]));
  };
  if (!source.visit(head.bucketsOffset(codec), head.bucketCount, 4, take)) return std::nullopt;
  if (last == 0) return head;
  if (last < head.firstHashed) return std::nullopt;
  for (; last < kMostDynamicSymbols; ++last) {
    std::array<uint8_t, 4> word{};
    const uint64_t at = head.chainsOffset(codec) + (last - head.firstHashed) * 4;
    if (!source.read(at, word)) return std::nullopt;
    if ((codec.u32(word.data()) & 1U) == 0) continue;
    head.hashedEnd = last + 1;
    return head;
  }
  return std::nullopt;
}

std::optional<uint64_t> dynamicSymbolCount(const Source& source, const Image& image,
                                           const std::vector<SectionHeader>& sections) {
  if (!image.dynamicValue(DT_SYMTAB)) return 0;
  std::optional<uint64_t> most;
  const auto mips =
      image.header.machine == EM_MIPS ? image.dynamicValue(DT_MIPS_SYMTABNO) : std::nullopt;
  const auto systemV = SystemVHashHead::read(source, image);
  const std::optional<uint64_t> chains =
      systemV ? std::optional<uint64_t>(systemV->chainCount) : std::nullopt;
  const auto gnu = GnuHashHead::read(source, image);
  const std::optional<uint64_t> hashed =
      gnu && !gnu->empty() ? std::optional<uint64_t>(gnu->hashedEnd) : std::nullopt;
  for (const auto& count : {mips, chains, hashed, countFromSections(image, sections)}) {
    // Sources that disagree are all believed: too many references do no harm.
    if (count) most = std::max(most.value_or(0), *count);
  }
  if (most && *most > kMostDynamicSymbols) return std::nullopt;
  return most;
}

}  // namespace fixelf
