#include "input.hpp"

#include <algorithm>
#include <cstring>

namespace fuzz {

namespace {

constexpr size_t kMagic = 4;
constexpr size_t kHead = 5;
constexpr size_t kMostParts = 24;

const std::string& nameAt(size_t index) {
  static const auto& kNames = *new std::vector<std::string>{
      "",
      "liba.so",
      "libb.so.1",
      "libc.so.6",
      "libc.so",
      "ld-linux-x86-64.so.2",
      "/lib64/ld-linux-x86-64.so.2",
      "/lib/ld-musl-x86_64.so.1",
      "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.40-66/lib/ld-linux-x86-64.so.2",
      "$ORIGIN",
      "$ORIGIN/../lib:${ORIGIN}/$LIB:/lib",
      "/lib:/lib64:::",
      "$PLATFORM/${LIB}$",
      "/lib/liba.so",
      "./libb.so.1",
      "V1",
      "V2",
      "GLIBC_2.34",
      "function",
      "variable",
      "main",
      "__libc_start_main",
      "printf",
      std::string(300, 'n'),
      std::string(5000, 'l'),
      std::string("a\0b", 3),
      "\xff\xfe\n\x1b[31m",
  };
  return kNames[index % kNames.size()];
}

}  // namespace

std::vector<Part> partsOf(std::span<const uint8_t> input) {
  std::vector<Part> parts;
  if (input.size() < kMagic || std::memcmp(input.data(), "PART", kMagic) != 0) {
    parts.push_back({0, Bytes(input.begin(), input.end())});
    return parts;
  }
  input = input.subspan(kMagic);
  while (input.size() >= kHead && parts.size() < kMostParts) {
    uint32_t length = 0;
    std::memcpy(&length, &input[1], sizeof length);
    const auto bytes = input.subspan(kHead, std::min<size_t>(length, input.size() - kHead));
    parts.push_back({input[0], Bytes(bytes.begin(), bytes.end())});
    input = input.subspan(kHead + bytes.size());
  }
  if (parts.empty()) parts.emplace_back();
  return parts;
}

Bytes joined(const std::vector<Part>& parts) {
  if (parts.size() == 1 && parts.front().role == 0) return parts.front().bytes;
  Bytes input = {'P', 'A', 'R', 'T'};
  for (const Part& part : parts) {
    input.push_back(part.role);
    const auto length = static_cast<uint32_t>(part.bytes.size());
    const auto* at = reinterpret_cast<const uint8_t*>(&length);
    input.insert(input.end(), at, at + sizeof length);
    input.insert(input.end(), part.bytes.begin(), part.bytes.end());
  }
  return input;
}

std::span<const uint8_t> partOf(const std::vector<Part>& parts, uint8_t role) {
  const auto found =
      std::ranges::find_if(parts, [&](const Part& part) { return part.role == role; });
  return found == parts.end() ? std::span<const uint8_t>() : found->bytes;
}

uint8_t Choices::byte() {
  if (bytes_.empty()) return 0;
  const uint8_t byte = bytes_.front();
  bytes_ = bytes_.subspan(1);
  return byte;
}

uint64_t Choices::number(size_t width) {
  uint64_t number = 0;
  for (size_t index = 0; index < width; ++index)
    number |= uint64_t{byte()} << (8 * index);
  return number;
}

std::string Choices::text() {
  const uint8_t choice = byte();
  if (choice < 0x80) return nameAt(choice);
  const size_t length = std::min<size_t>(choice & 0x7fU, bytes_.size());
  std::string text(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(length));
  bytes_ = bytes_.subspan(length);
  return text;
}

}  // namespace fuzz
