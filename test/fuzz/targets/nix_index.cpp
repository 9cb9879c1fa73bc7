// nix-index's database: the Zstandard decoder and what splits it into entries. Any bytes are
// answered, and intact content gives what a plain reader finds, wherever blocks divide it.
#include "index/nix_index.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.hpp"
#include "index/zstd.hpp"
#include "input.hpp"
#include "scratch.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;

// What a part is.
enum Role : uint8_t { Database, Content };

constexpr std::string_view kHeader("NIXI\x01\0\0\0\0\0\0\0", 12);
// Bytes of content: a short stream can hold a gigabyte, which is not a fault.
constexpr size_t kMostContent = 4U << 20;
constexpr size_t kLongest = 64U << 10;

// A database of the content as it is, in blocks of one size (RFC 8878, 3.1.1).
Bytes databaseOf(std::span<const uint8_t> content, size_t blockSize) {
  Bytes bytes(kHeader.begin(), kHeader.end());
  // One segment without a checksum, of a size in eight bytes.
  bytes.insert(bytes.end(), {0x28, 0xB5, 0x2F, 0xFD, 0xE0});
  for (unsigned shift = 0; shift < 64; shift += 8)
    bytes.push_back(static_cast<uint8_t>(uint64_t{content.size()} >> shift));
  do {
    const auto block = content.first(std::min(blockSize, content.size()));
    content = content.subspan(block.size());
    const auto head = static_cast<uint32_t>(block.size() << 3U | (content.empty() ? 1U : 0U));
    for (unsigned shift = 0; shift < 24; shift += 8)
      bytes.push_back(static_cast<uint8_t>(head >> shift));
    bytes.insert(bytes.end(), block.begin(), block.end());
  } while (!content.empty());
  return bytes;
}

bool isLibrary(std::string_view name) {
  const bool begins =
      name.starts_with("lib") || name.starts_with("ld-") || name.starts_with("ld64.");
  return begins && name.find(".so") != std::string_view::npos &&
         name.find_first_of(std::string_view("/\t\0", 3)) == std::string_view::npos;
}

// None if it is damaged.
std::optional<NixIndexLibraries> readPlainly(std::string_view content) {
  NixIndexLibraries found;
  std::vector<std::pair<std::string, size_t>> names;
  std::string path;
  int64_t shared = 0;
  bool isInPackage = false;
  size_t before = 0;
  while (!content.empty()) {
    const size_t nul = content.find('\0');
    if (nul == std::string_view::npos || nul + 1 >= content.size()) return std::nullopt;
    const std::string_view what = content.substr(0, nul);
    content.remove_prefix(nul + 1);
    const auto first = static_cast<int8_t>(content[0]);
    content.remove_prefix(1);
    if (first == -128) {
      if (content.size() < 2) return std::nullopt;
      const auto high = static_cast<uint8_t>(content[0]);
      const auto low = static_cast<uint8_t>(content[1]);
      shared += static_cast<int16_t>(high * 256 + low);
      content.remove_prefix(2);
    } else {
      shared += first;
    }
    const size_t end = content.find('\n');
    if (end == std::string_view::npos || shared < 0) return std::nullopt;
    if (static_cast<size_t>(shared) > path.size()) return std::nullopt;
    path = path.substr(0, static_cast<size_t>(shared)) + std::string(content.substr(0, end));
    if (path.size() > kLongest) return std::nullopt;
    content.remove_prefix(end + 1);
    if (what == "p") {
      isInPackage = false;
      if (names.size() > before) found.packages += path + "\n";
      before = names.size();
      continue;
    }
    isInPackage = true;
    ++found.entries;
    if (!path.starts_with("/bin")) ++found.others;
    if (path.starts_with("/lib/") && !what.ends_with('d') && isLibrary(path.substr(5)))
      names.emplace_back(path.substr(5), found.packages.size());
  }
  if (isInPackage) return std::nullopt;
  std::ranges::sort(names);
  for (const auto& [name, package] : names)
    found.names += name + "\t" + std::to_string(package) + "\n";
  return found;
}

// With a window of at most 32 KiB in its first frame: AddressSanitizer maps allocations of more
// than 128 KiB, marks each byte of them and unmaps them, and time spent on that is wasted here. A
// frame in one segment has any window.
Bytes withSmallWindow(std::span<const uint8_t> database) {
  constexpr size_t kDescriptor = 16;
  constexpr uint8_t kSingleSegment = 32;
  constexpr uint8_t kMost = 5U << 3U;
  Bytes bytes(database.begin(), database.end());
  if (bytes.size() > kDescriptor + 1 && (bytes[kDescriptor] & kSingleSegment) == 0)
    bytes[kDescriptor + 1] = std::min(bytes[kDescriptor + 1], kMost);
  return bytes;
}

Result<NixIndexLibraries> readDatabase(const std::string& path, std::span<const uint8_t> bytes) {
  writeFile(path, bytes);
  auto found = readNixIndex(path, {});
  if (!found)
    demand(found.error().path == path && !found.error().message.empty(),
           "an error without its path or reason");
  return found;
}

// None if the stream is damaged, or has more than the target reads.
std::optional<Bytes> contentOf(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Bytes content;
  const auto take = [&](std::span<const uint8_t> piece) -> Status {
    demand(!piece.empty() && piece.size() <= size_t{128} << 10U, "the size of a piece");
    content.insert(content.end(), piece.begin(), piece.end());
    if (content.size() > kMostContent) return Error{ErrorCode::LimitExceeded, "enough", path, 0};
    return Done{};
  };
  if (!decompressZstd(file.get(), kHeader.size(), path, {}, take)) return std::nullopt;
  return content;
}

void expectPlainly(const Result<NixIndexLibraries>& found, std::span<const uint8_t> content) {
  const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
  const auto expected = readPlainly(text);
  demand(!found || expected, "damaged content was read");
  demand(found || !expected, "whole content was refused: ", found ? "" : found.error().message);
  if (!expected) return;
  demand(found->packages == expected->packages, "the packages");
  demand(found->names == expected->names, "the names: ", found->names);
  demand(found->entries == expected->entries && found->others == expected->others, "the counts");
}

}  // namespace

void run(std::span<const uint8_t> input) {
  static const std::string path = scratch() + "/files";
  const std::vector<Part> parts = partsOf(input);
  if (const auto content = partOf(parts, Content); !content.empty()) {
    for (const size_t blockSize : {size_t{128} << 10U, size_t{7}})
      expectPlainly(readDatabase(path, databaseOf(content, blockSize)), content);
  }
  const Bytes database = withSmallWindow(partOf(parts, Database));
  if (database.empty()) return;
  writeFile(path, database);
  const auto content = contentOf(path);
  if (!content) return;
  const bool hasHeader = database.size() >= kHeader.size() &&
                         std::equal(kHeader.begin(), kHeader.end(), database.begin(),
                                    [](char one, uint8_t two) { return uint8_t(one) == two; });
  if (hasHeader)
    expectPlainly(readDatabase(path, database), *content);
  else
    demand(!readDatabase(path, database), "what has no header was read");
}

}  // namespace fuzz
