#include "index/nix_index.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/descriptor.hpp"
#include "index/zstd.hpp"

namespace fixelf {

namespace {

constexpr size_t kHeader = 12;
// Bytes; PATH_MAX is 4096, and the JSON of a package a few hundred.
constexpr size_t kLongestEntry = 64U << 10;
// Bytes of what is kept of it: nixpkgs has some 100,000 libraries.
constexpr size_t kMostKept = 512U << 20;

bool isLibrary(std::string_view name) {
  return (name.starts_with("lib") || name.starts_with("ld-") || name.starts_with("ld64.")) &&
         name.find(".so") != std::string_view::npos &&
         name.find_first_of("/\t") == std::string_view::npos;
}

// Takes the entries apart, in whatever pieces they come.
class Entries {
 public:
  explicit Entries(const std::string& path) : path_(path) {}

  Status take(std::span<const uint8_t> piece) {
    if (!begun_.empty()) {
      // What an earlier piece began is ended with as much of this one as an entry can have.
      const size_t before = begun_.size();
      const size_t some = std::min(piece.size(), kLongestEntry);
      begun_.insert(begun_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(some));
      const auto used = takeOne(begun_);
      if (!used) return used.error();
      if (*used == 0) {
        if (begun_.size() > kLongestEntry) return damaged("an entry is too long");
        return Done{};
      }
      begun_.clear();
      piece = piece.subspan(*used - before);
    }
    while (!piece.empty()) {
      const auto used = takeOne(piece);
      if (!used) return used.error();
      if (*used == 0) break;
      piece = piece.subspan(*used);
    }
    if (piece.size() > kLongestEntry) return damaged("an entry is too long");
    begun_.assign(piece.begin(), piece.end());
    return Done{};
  }

  Result<NixIndexLibraries> finish() {
    if (!begun_.empty() || isInPackage_)
      return Error{ErrorCode::Truncated, "it ends within a package", path_, 0};
    return std::move(found_);
  }

 private:
  Error damaged(const char* what) const {
    return {ErrorCode::Malformed, std::string("the database is damaged: ") + what, path_, 0};
  }

  // Answers how many bytes the first entry has; 0 where it is not whole.
  Result<size_t> takeOne(std::span<const uint8_t> bytes) {
    const uint8_t* const begin = bytes.data();
    const uint8_t* const end = begin + bytes.size();
    const auto* nul = static_cast<const uint8_t*>(std::memchr(begin, 0, bytes.size()));
    if (nul == nullptr || end - nul < 2) return size_t{0};
    const uint8_t* rest = nul + 2;
    // One byte in two's complement; of the least value the next two say it.
    int difference = nul[1] < 0x80 ? nul[1] : nul[1] - 0x100;
    if (nul[1] == 0x80) {
      if (end - nul < 4) return size_t{0};
      difference = static_cast<int16_t>(static_cast<uint16_t>(nul[2] << 8U | nul[3]));
      rest = nul + 4;
    }
    const auto* newline =
        static_cast<const uint8_t*>(std::memchr(rest, '\n', static_cast<size_t>(end - rest)));
    if (newline == nullptr) return size_t{0};
    const int shared = shared_ + difference;
    if (shared < 0 || static_cast<size_t>(shared) > length_)
      return damaged("an entry shares more of a path than there is");
    const auto added = static_cast<size_t>(newline - rest);
    const size_t length = static_cast<size_t>(shared) + added;
    if (length > name_.size()) return damaged("an entry is too long");
    std::memcpy(name_.data() + shared, rest, added);
    shared_ = shared;
    length_ = length;
    if (auto kept = keep(*begin, nul[-1], static_cast<size_t>(nul - begin)); !kept)
      return kept.error();
    return static_cast<size_t>(newline + 1 - begin);
  }

  // `first` and `last` are those of what it says of the file: "1234x", or "p" for the package.
  Status keep(uint8_t first, uint8_t last, size_t size) {
    const std::string_view path(name_.data(), length_);
    if (size == 1 && first == 'p') {
      endPackage(path);
      return Done{};
    }
    isInPackage_ = true;
    ++found_.entries;
    static constexpr std::string_view kLib = "/lib/";
    if (!path.starts_with("/bin")) ++found_.others;
    const bool isDirectory = size > 0 && last == 'd';
    if (!path.starts_with(kLib) || isDirectory || !isLibrary(path.substr(kLib.size())))
      return Done{};
    names_ += '\t';
    names_ += path.substr(kLib.size());
    if (found_.packages.size() + names_.size() > kMostKept)
      return Error{ErrorCode::LimitExceeded, "it has more libraries than can be kept", path_, 0};
    return Done{};
  }

  void endPackage(std::string_view json) {
    isInPackage_ = false;
    if (names_.empty()) return;
    found_.packages += json;
    found_.packages += names_;
    found_.packages += '\n';
    names_.clear();
  }

  const std::string& path_;
  NixIndexLibraries found_;
  std::vector<uint8_t> begun_;
  std::vector<char> name_ = std::vector<char>(kLongestEntry);
  size_t length_ = 0;
  int shared_ = 0;
  std::string names_;
  bool isInPackage_ = false;
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
  // Without O_NONBLOCK, a FIFO would wait for who writes to it.
  const Descriptor file(
      uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!file) return systemError(errno, "open the database", path);
  if (auto right = checkHeader(file.get(), path); !right) return right.error();
  Entries entries(path);
  const Status read = decompressZstd(file.get(), kHeader, path, stop,
                                     [&](auto piece) { return entries.take(piece); });
  if (!read) return read.error();
  return entries.finish();
}

}  // namespace fixelf
