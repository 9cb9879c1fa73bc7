#include "index/nix_index.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.hpp"
#include "base/relay.hpp"
#include "index/zstd.hpp"

namespace fixelf {

namespace {

constexpr size_t kHeader = 12;
// Bytes; PATH_MAX is 4096, and the JSON of a package a few hundred.
constexpr size_t kLongestEntry = 64U << 10;
// Bytes that most of them fit into.
constexpr size_t kUsualEntry = 256;
// Bytes kept from it: nixpkgs has some 100,000 libraries.
constexpr size_t kMostKept = 512U << 20;

bool isLibrary(std::string_view name) {
  return (name.starts_with("lib") || name.starts_with("ld-") || name.starts_with("ld64.")) &&
         name.find(".so") != std::string_view::npos &&
         name.find_first_of(std::string_view("/\t\0", 3)) == std::string_view::npos;
}

// A million and a half times, a few bytes each: calls would take longer than what they do.
constexpr size_t kStep = 32;

// The first byte of that value, or `end`. It is nearly always among the first eight or sixteen.
template <uint8_t Value>
const uint8_t* find(const uint8_t* begin, const uint8_t* end) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    uint64_t bytes = 0;
    for (; static_cast<size_t>(end - begin) >= sizeof(bytes); begin += sizeof(bytes)) {
      std::memcpy(&bytes, begin, sizeof(bytes));
      bytes ^= kOnes * Value;
      // The lowest bit set is in the first byte that is 0.
      const uint64_t zeros = (bytes - kOnes) & ~bytes & (kOnes << 7U);
      if (zeros != 0) return begin + std::countr_zero(zeros) / 8;
    }
  }
  return std::find(begin, end, Value);
}

// Copies to where there is room for kStep bytes more than are copied.
void copy(const uint8_t* from, size_t count, const uint8_t* end, char* to) {
  if (static_cast<size_t>(end - from) < count + kStep) {
    std::memcpy(to, from, count);
    return;
  }
  for (size_t done = 0; done < count; done += kStep)
    std::memcpy(to + done, from + done, kStep);
}

// The names of libraries, each with the place of its package.
class LibraryNames {
 public:
  void add(std::string_view name, uint32_t package) {
    rows_.push_back({keyOf(name), static_cast<uint32_t>(bytes_.size()), package});
    bytes_ += name;
    bytes_ += '\0';
  }
  [[nodiscard]] size_t size() const { return bytes_.size() + rows_.size() * sizeof(Row); }

  // One on each line, sorted, followed by a tab and its package; this empties the object.
  std::string lines() {
    std::ranges::sort(rows_, [this](const Row& one, const Row& two) {
      if (one.key != two.key) return one.key < two.key;
      const int order = std::strcmp(&bytes_[one.name], &bytes_[two.name]);
      return order != 0 ? order < 0 : one.package < two.package;
    });
    std::string lines;
    constexpr size_t kDigits = 10;
    lines.reserve(bytes_.size() + rows_.size() * (kDigits + 1));
    for (const Row& row : rows_) {
      lines += &bytes_[row.name];
      std::array<char, kDigits + 2> rest{'\t'};
      char* const end = std::to_chars(&rest[1], &rest[kDigits + 1], row.package).ptr;
      *end = '\n';
      lines.append(rest.data(), end + 1);
    }
    *this = {};
    return lines;
  }

 private:
  struct Row {
    uint64_t key;
    uint32_t name;  // in bytes_
    uint32_t package;
  };

  // Names with different keys are ordered like these. The first byte is always an l.
  static uint64_t keyOf(std::string_view name) {
    std::array<uint8_t, sizeof(uint64_t)> bytes{};
    std::memcpy(bytes.data(), name.data() + 1, std::min(name.size() - 1, bytes.size()));
    uint64_t key = 0;
    for (const uint8_t byte : bytes)
      key = key << 8U | byte;
    return key;
  }

  std::string bytes_;
  std::vector<Row> rows_;
};

// Splits the stream into entries, whatever pieces it comes in.
class Entries {
 public:
  explicit Entries(const std::string& path) : path_(path) {}

  Status take(std::span<const uint8_t> piece) {
    // What an earlier piece began is completed with as much of this one as that takes.
    for (size_t most = kUsualEntry; !begun_.empty() && !piece.empty(); most *= 2) {
      const size_t before = begun_.size();
      const auto some = piece.first(std::min(piece.size(), most));
      begun_.insert(begun_.end(), some.begin(), some.end());
      const size_t used = takeWhole(begun_);
      if (auto right = check(begun_.size() - used); !right) return right;
      piece = piece.subspan(used == 0 ? some.size() : used - before);
      if (used > 0) begun_.clear();
    }
    if (!begun_.empty()) return Done{};
    piece = piece.subspan(takeWhole(piece));
    begun_.assign(piece.begin(), piece.end());
    return check(begun_.size());
  }

  Result<NixIndexLibraries> finish() {
    if (!begun_.empty() || isInPackage_)
      return Error{ErrorCode::Truncated, "it ends within a package", path_, 0};
    found_.names = names_.lines();
    return std::move(found_);
  }

 private:
  // Whether to continue, given that many bytes of an incomplete entry.
  Status check(size_t begun) {
    if (!failure_ && begun > kLongestEntry) fail("an entry is too long");
    return failure_ ? Status(*failure_) : Status(Done{});
  }
  void fail(const char* what) {
    failure_ =
        Error{ErrorCode::Malformed, std::string("the database is damaged: ") + what, path_, 0};
  }

  // Takes all complete entries, or those before one that fails. Returns how many bytes they have.
  size_t takeWhole(std::span<const uint8_t> bytes) {
    const uint8_t* at = bytes.data();
    const uint8_t* const end = at + bytes.size();
    // In local variables, which storing bytes of a path cannot change.
    char* const path = name_.data();
    int shared = shared_;
    size_t length = length_;
    while (at < end) {
      const uint8_t* const nul = find<0>(at, end);
      if (end - nul < 2) break;
      // One byte in two's complement; its least value means that the next two hold the number.
      const bool isWide = nul[1] == 0x80;
      if (isWide && end - nul < 4) break;
      const int difference =
          isWide ? static_cast<int16_t>(nul[2] << 8U | nul[3]) : static_cast<int8_t>(nul[1]);
      const uint8_t* const rest = nul + (isWide ? 4 : 2);
      const uint8_t* const newline = find<'\n'>(rest, end);
      if (newline == end) break;
      shared += difference;
      if (shared < 0 || static_cast<size_t>(shared) > length) {
        fail("an entry shares more of a path than there is");
        break;
      }
      const auto added = static_cast<size_t>(newline - rest);
      length = static_cast<size_t>(shared) + added;
      if (length > kLongestEntry) {
        fail("an entry is too long");
        break;
      }
      copy(rest, added, end, path + shared);
      keep(std::span(at, nul), std::string_view(path, length));
      if (failure_) break;
      at = newline + 1;
    }
    shared_ = shared;
    length_ = length;
    return static_cast<size_t>(at - bytes.data());
  }

  // What the entry records about the file: "1234x", or "p" for the package.
  void keep(std::span<const uint8_t> what, std::string_view path) {
    if (what.size() == 1 && what.front() == 'p') {
      endPackage(path);
      return;
    }
    isInPackage_ = true;
    ++found_.entries;
    static constexpr std::string_view kLib = "/lib/";
    if (!path.starts_with("/bin")) ++found_.others;
    const bool isDirectory = !what.empty() && what.back() == 'd';
    if (!path.starts_with(kLib) || isDirectory || !isLibrary(path.substr(kLib.size()))) return;
    // Where the package's own line will begin.
    names_.add(path.substr(kLib.size()), static_cast<uint32_t>(found_.packages.size()));
    hasLibraries_ = true;
    if (found_.packages.size() + names_.size() > kMostKept)
      failure_ =
          Error{ErrorCode::LimitExceeded, "it has more libraries than can be kept", path_, 0};
  }

  void endPackage(std::string_view json) {
    isInPackage_ = false;
    if (!std::exchange(hasLibraries_, false)) return;
    found_.packages += json;
    found_.packages += '\n';
  }

  const std::string& path_;
  NixIndexLibraries found_;
  std::vector<uint8_t> begun_;
  std::vector<char> name_ = std::vector<char>(kLongestEntry + kStep);
  size_t length_ = 0;
  int shared_ = 0;
  LibraryNames names_;
  bool isInPackage_ = false;
  bool hasLibraries_ = false;
  std::optional<Error> failure_;
};

Status checkHeader(int descriptor, const std::string& path) {
  std::array<uint8_t, kHeader> header{};
  const ssize_t size =
      uninterrupted([&] { return pread(descriptor, header.data(), header.size(), 0); });
  if (size < 0) return systemError(errno, "read the database", path);
  if (static_cast<size_t>(size) < kHeader || std::memcmp(header.data(), "NIXI", 4) != 0)
    return Error{ErrorCode::NotElf, "it is no database of nix-index", path, 0};
  uint64_t version = 0;
  for (size_t index = kHeader; index-- > 4;)
    version = version << 8U | header[index];
  if (version == 1) return Done{};
  return Error{ErrorCode::Unsupported,
               "it is a database of nix-index in version " + std::to_string(version) +
                   ", and version 1 is what can be read",
               path, 0};
}

}  // namespace

Result<NixIndexLibraries> readNixIndex(const std::string& path, const std::stop_token& stop) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  const Descriptor file(
      uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!file) return systemError(errno, "open the database", path);
  if (auto right = checkHeader(file.get(), path); !right) return right.error();
  Entries entries(path);
  const auto decompress = [&](const TakePiece& take) {
    return decompressZstd(file.get(), kHeader, path, stop, take);
  };
  const Status read = relay(decompress, [&](auto piece) { return entries.take(piece); });
  if (!read) return read.error();
  return entries.finish();
}

}  // namespace fixelf
