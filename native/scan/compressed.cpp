#include "scan/compressed.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

namespace fixelf {

namespace {

using Bytes = std::span<const uint8_t>;

bool startsWith(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// Little-endian, as all of these formats are. The bytes are known to exist.
uint64_t number(Bytes bytes, size_t at, size_t length) {
  uint64_t value = 0;
  for (size_t index = length; index-- > 0;)
    value = value << 8 | bytes[at + index];
  return value;
}

// RFC 1952, appendix; bit by bit, because it is rarely needed.
uint32_t crc32(Bytes bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
  }
  return ~crc;
}

// RFC 1951, section 3.2.7: the lengths of the codes that encode all other codes' lengths. They have
// to form a complete code, which random bits seldom do.
bool isDynamicBlock(Bytes bytes) {
  size_t at = 3;
  const auto bits = [&](size_t count) {
    uint32_t value = 0;
    for (size_t bit = 0; bit < count; ++bit, ++at)
      value |= uint32_t{static_cast<uint8_t>(bytes[at / 8] >> (at % 8) & 1)} << bit;
    return value;
  };
  if (bytes.size() < 10) return false;  // 3 + 14 + 19 · 3 bits
  const uint32_t literals = bits(5) + 257;
  const uint32_t distances = bits(5) + 1;
  const uint32_t lengths = bits(4) + 4;
  if (literals > 286 || distances > 30) return false;
  uint32_t space = 0;
  for (uint32_t index = 0; index < lengths; ++index) {
    const uint32_t length = bits(3);
    if (length != 0) space += 128U >> length;
  }
  return space == 128;
}

// RFC 1951, section 3.2.3: the first block of compressed data.
bool isDeflate(Bytes bytes) {
  if (bytes.empty()) return false;
  switch (bytes[0] >> 1 & 3) {
    case 0:
      return bytes.size() >= 5 && (number(bytes, 1, 2) ^ number(bytes, 3, 2)) == 0xffff;
    case 1:
      return true;  // a fixed code: any bits may follow
    case 2:
      return isDynamicBlock(bytes);
    default:
      return false;
  }
}

// RFC 1952, section 2.3.
bool isGzip(Bytes bytes) {
  if (bytes.size() < 18) return false;
  const uint8_t flags = bytes[3];
  const uint8_t extraFlags = bytes[8];
  const uint8_t system = bytes[9];
  if ((flags & 0xe0) != 0) return false;
  if (extraFlags != 0 && extraFlags != 2 && extraFlags != 4) return false;
  if (system > 13 && system != 255) return false;
  size_t at = 10;
  if ((flags & 4) != 0) at += 2 + static_cast<size_t>(number(bytes, at, 2));
  for (const uint8_t text : {uint8_t{8}, uint8_t{16}}) {  // FNAME, FCOMMENT
    if ((flags & text) == 0) continue;
    while (at < bytes.size() && bytes[at] != 0) {
      if (bytes[at] < 0x20) return false;
      ++at;
    }
    ++at;
  }
  if ((flags & 2) != 0) at += 2;
  return at < bytes.size() && isDeflate(bytes.subspan(at));
}

// The .xz file format, section 2.1.1: magic, two bytes of flags, their CRC32.
bool isXz(Bytes bytes) {
  constexpr std::string_view kMagic(
      "\xfd"
      "7zXZ\0",
      6);
  return startsWith(bytes, kMagic) && bytes.size() >= 12 && bytes[6] == 0 && bytes[7] < 16 &&
         crc32(bytes.subspan(6, 2)) == number(bytes, 8, 4);
}

// The level, then the magic of the first block (the digits of π) or of the end (those of √π).
bool isBzip2(Bytes bytes) {
  return startsWith(bytes, "BZh") && bytes.size() >= 10 && bytes[3] >= '1' && bytes[3] <= '9' &&
         (startsWith(bytes.subspan(4), "1AY&SY") ||
          startsWith(bytes.subspan(4), "\x17\x72\x45\x38\x50\x90"));
}

// APPNOTE.TXT, section 4.3.7, the header of one member. A merely stored one hides nothing.
bool isZipMember(Bytes bytes, uint64_t left) {
  if (!startsWith(bytes, "PK\x03\x04") || bytes.size() < 30) return false;
  const uint64_t version = number(bytes, 4, 2);
  const uint64_t flags = number(bytes, 6, 2);
  const uint64_t method = number(bytes, 8, 2);
  const uint64_t day = number(bytes, 12, 2) & 31;
  const uint64_t month = number(bytes, 12, 2) >> 5 & 15;
  const uint64_t packed = number(bytes, 18, 4);
  const uint64_t nameLength = number(bytes, 26, 2);
  const uint64_t extraLength = number(bytes, 28, 2);
  constexpr std::array<uint64_t, 8> kMethods = {8, 9, 12, 14, 93, 95, 96, 98};
  const bool encrypted = (flags & 1) != 0;
  const bool known = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
  if (!known && !(encrypted && method == 0)) return false;
  // 6.3 is the newest version; bits 7 to 10 and 14 on are unused.
  if (version < 10 || version > 63 || (flags & 0xc780) != 0 || month > 12 || day > 31) return false;
  constexpr uint64_t kUnknown = 0xffffffff;  // it is in the ZIP64 extra field
  const uint64_t header = 30 + nameLength + extraLength;
  if (nameLength == 0 || header > left) return false;
  if (packed != kUnknown && packed > left - header) return false;
  const Bytes name = bytes.subspan(30, std::min<size_t>(bytes.size() - 30, nameLength));
  return std::all_of(name.begin(), name.end(),
                     [](uint8_t byte) { return byte >= 0x20 && byte != 0x7f; });
}

// The kernel's Documentation/filesystems/squashfs.rst and squashfs_fs.h: the superblock of 4.0.
bool isSquashfs(Bytes bytes, uint64_t left) {
  if (!startsWith(bytes, "hsqs") || bytes.size() < 96) return false;
  const uint64_t blockSize = number(bytes, 12, 4);
  const uint64_t compression = number(bytes, 20, 2);
  const uint64_t blockLog = number(bytes, 22, 2);
  const uint64_t size = number(bytes, 40, 8);
  return number(bytes, 28, 2) == 4 && number(bytes, 30, 2) == 0 && compression >= 1 &&
         compression <= 6 && blockLog >= 12 && blockLog <= 20 &&
         blockSize == uint64_t{1} << blockLog && size >= 96 && size <= left;
}

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr uint64_t kZstdBlockLimit = 128 << 10;

// RFC 8878, section 3.1.1.1: the length of the frame's header, including the magic; 0 if there is
// none.
size_t zstdHeader(Bytes bytes) {
  if (!startsWith(bytes, kZstdMagic) || bytes.size() < 6) return 0;
  const uint8_t descriptor = bytes[4];
  if ((descriptor & 0x18) != 0) return 0;  // reserved and unused: encoders write zeros
  const bool single = (descriptor & 0x20) != 0;
  constexpr std::array<size_t, 4> kDictionary = {0, 1, 2, 4};
  constexpr std::array<size_t, 4> kContentSize = {0, 2, 4, 8};
  size_t size = 5 + kDictionary[descriptor & 3] + kContentSize[descriptor >> 6];
  if (single) {
    if (descriptor >> 6 == 0) ++size;
  } else {
    ++size;
    // The format allows windows of 3.75 TB; zstd itself writes none above 2 GiB (--ultra
    // --long=31).
    if (bytes[5] >> 3 > 21) return 0;
  }
  return size;
}

// Section 3.1.1.3.1: a compressed block begins with its literals, which fit into it.
bool isZstdCompressedBlock(Bytes bytes, uint64_t size, bool first) {
  if (bytes.size() < 5 || size < 2) return false;
  const unsigned type = bytes[0] & 3;
  const unsigned format = bytes[0] >> 2 & 3;
  if (type < 2) {  // raw, or one byte repeated
    const size_t header = format == 1 ? 2 : format == 3 ? 3 : 1;
    const uint64_t regenerated = header == 1 ? bytes[0] >> 3 : number(bytes, 0, header) >> 4;
    return regenerated <= kZstdBlockLimit && header + (type == 0 ? regenerated : 1) < size;
  }
  // Treeless literals use the code of the previous block.
  if (type == 3 && first) return false;
  const size_t header = format < 2 ? 3 : format == 2 ? 4 : 5;
  const unsigned width = format < 2 ? 10 : format == 2 ? 14 : 18;
  const uint64_t sizes = number(bytes, 0, header) >> 4;
  const uint64_t mask = (uint64_t{1} << width) - 1;
  const uint64_t regenerated = sizes & mask;
  const uint64_t packed = sizes >> width & mask;
  return regenerated <= kZstdBlockLimit && packed != 0 && packed <= regenerated &&
         header + packed < size;
}

}  // namespace

std::optional<Compression> recognise(Bytes bytes, uint64_t left) {
  if (startsWith(bytes, "\x1f\x8b\x08") && isGzip(bytes)) return Compression::Gzip;
  if (isXz(bytes)) return Compression::Xz;
  if (isBzip2(bytes)) return Compression::Bzip2;
  if (isZipMember(bytes, left)) return Compression::Zip;
  if (isSquashfs(bytes, left)) return Compression::Squashfs;
  if (zstdHeader(bytes) != 0) return Compression::Zstd;
  return std::nullopt;
}

bool isZstdFrame(int descriptor, uint64_t size, uint64_t offset) {
  std::array<uint8_t, 18> bytes{};
  const auto at = [&](uint64_t position, size_t length) -> Bytes {
    const ssize_t count = pread(descriptor, bytes.data(), length, static_cast<off_t>(position));
    return Bytes(bytes).first(count > 0 ? static_cast<size_t>(count) : 0);
  };
  const size_t header = zstdHeader(at(offset, bytes.size()));
  if (header == 0) return false;
  uint64_t position = offset + header;
  constexpr int kMostBlocks = 16;
  for (int block = 0; block < kMostBlocks; ++block) {
    const Bytes start = at(position, 8);
    if (start.size() < 3) return false;
    const uint64_t word = number(start, 0, 3);
    const bool last = (word & 1) != 0;
    const uint64_t type = word >> 1 & 3;
    const uint64_t length = word >> 3;
    if (type == 3 || length > kZstdBlockLimit) return false;
    if (type == 2 && !isZstdCompressedBlock(start.subspan(3), length, block == 0)) return false;
    position += 3 + (type == 1 ? 1 : length);
    if (position > size) return false;
    if (last) return true;
    // No encoder writes many empty blocks; zeros look like them.
    if (type == 0 && length == 0) return false;
  }
  return true;
}

}  // namespace fixelf
