#include "scan/window.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace fixelf {

namespace {

using namespace std::string_view_literals;

constexpr size_t kHash = HashSet::kLength;
constexpr size_t kLongestStoreName = 211;  // Nix, libstore/path.cc
constexpr size_t kLongestFileName = 255;   // NAME_MAX
constexpr size_t kLongestPath = 1024;      // of an interpreter

bool isDigit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

bool isLetterOrDigit(uint8_t byte) {
  return isDigit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

// What names of store paths are made of (Nix, libstore/path.cc).
bool isStoreNameByte(uint8_t byte) {
  return isLetterOrDigit(byte) || (byte != 0 && std::strchr("+-._?=", byte) != nullptr);
}

// What names of libraries and loaders are made of.
bool isFileNameByte(uint8_t byte) {
  return isLetterOrDigit(byte) || (byte != 0 && std::strchr("+-._@~", byte) != nullptr);
}

bool isPathByte(uint8_t byte) {
  return isFileNameByte(byte) || byte == '/' || byte == '=' || byte == '?';
}

// Bytes of any name that is not ASCII.
bool isOtherByte(uint8_t byte) {
  return byte >= 0x80;
}

// What may precede and follow a soname.
bool isDelimiter(uint8_t byte) {
  return byte == 0 || byte == '"' || byte == '\'' || byte == '`';
}

// ".1.2.3", or nothing.
bool isVersionTail(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != '.') return false;
    text.remove_prefix(1);
    size_t digits = 0;
    while (digits < text.size() && isDigit(static_cast<uint8_t>(text[digits])))
      ++digits;
    if (digits == 0) return false;
    text.remove_prefix(digits);
  }
  return true;
}

bool isSoname(std::string_view name) {
  if (!name.starts_with("lib")) return false;
  for (size_t at = name.find(".so"); at != std::string_view::npos; at = name.find(".so", at + 1)) {
    if (at > 3 && isVersionTail(name.substr(at + 3))) return true;
  }
  return false;
}

// The names that isLoaderName of lib/store/loaders.ts knows.
bool isLoaderName(std::string_view name) {
  const bool musl = name.starts_with("ld-musl-");
  if (!name.starts_with("ld-linux") && !musl && !name.starts_with("ld64.so.") &&
      !name.starts_with("ld.so.")) {
    return false;
  }
  const size_t at = name.rfind(".so.");
  if (at == std::string_view::npos) return false;
  const std::string_view version = name.substr(at + 4);
  if (musl || name.starts_with("ld.so.")) return version == "1";
  return !version.empty() &&
         std::all_of(version.begin(), version.end(), [](uint8_t c) { return isDigit(c); });
}

class WindowSearch {
 public:
  WindowSearch(const Window& window, const Needles& needles, WindowHits& hits)
      : window_(window), needles_(needles), hits_(hits) {}

  // A block of 16 bytes of the alphabet is at `at`; the runs come in ascending order.
  void run(size_t at) {
    if (at < runEnd_) return;
    // Only sequences of 32 that begin in the inner part count, and two bytes of "%2f" before them.
    const size_t lowest = window_.begin >= 2 ? window_.begin - 2 : 0;
    size_t from = at;
    while (from > lowest && isBase32(window_.bytes[from - 1]))
      --from;
    runEnd_ = at + 16;
    while (runEnd_ < window_.size && isBase32(window_.bytes[runEnd_]))
      ++runEnd_;
    for (size_t hash = std::max(from, window_.begin); hash + kHash <= runEnd_ && hash < window_.end;
         ++hash) {
      if (hash - from <= 2 && storePath(hash)) continue;
      if (needles_.hashes.contains(window_.bytes + hash))
        add(MentionKind::Hash, Spelling::Plain, hash, hash, text(hash, hash + kHash));
    }
  }

  void fingerprint(size_t at) {
    const uint8_t* bytes = window_.bytes + at;
    if (bytes[0] == '.') {
      if (at + 3 <= window_.size && bytes[1] == 's' && bytes[2] == 'o') name(at);
    } else if (bytes[0] == static_cast<uint8_t>(needles_.store.back()) &&
               (bytes[1] == '/' || bytes[2] == '/')) {
      if (bytes[1] == '/') lineWrapped(at);
      if (bytes[1] == 0) utf16(at);
    } else {
      hits_.magics.push_back(at);
    }
  }

 private:
  [[nodiscard]] uint8_t byte(size_t at) const {
    return at < window_.size ? window_.bytes[at] : uint8_t{0};
  }

  [[nodiscard]] std::string_view text(size_t from, size_t to) const {
    return {reinterpret_cast<const char*>(window_.bytes) + from, to - from};
  }

  void add(MentionKind kind, Spelling spelling, size_t anchor, size_t offset,
           std::string_view found) {
    hits_.mentions.push_back({kind, spelling, anchor, offset, std::string(found)});
  }

  // -- store paths ------------------------------------------------------------------------------

  // STORE/<hash>-<name>, whose hash is known to be at `hash`.
  bool storePath(size_t hash) {
    if (byte(hash + kHash) != '-') return false;
    size_t end = hash + kHash + 1;
    while (end < window_.size && end - hash <= kHash + kLongestStoreName &&
           isStoreNameByte(window_.bytes[end]))
      ++end;
    if (end == hash + kHash + 1) return false;
    const auto before = storeBefore(hash);
    if (!before) return false;
    add(MentionKind::StorePath, before->spelling, hash, before->from,
        needles_.store + "/" + std::string(text(hash, end)));
    return true;
  }

  struct Before {
    Spelling spelling = Spelling::Plain;
    size_t from = 0;
  };

  // STORE/ in front of a position, with slashes as some encoders write them.
  [[nodiscard]] std::optional<Before> storeBefore(size_t at) const {
    Spelling spelling = Spelling::Plain;
    const auto slash = [&](bool first) {
      if (at >= 1 && window_.bytes[at - 1] == '/') {
        --at;
        // A backslash before the whole path says nothing about the path. Escaping text with
        // backslashes again doubles them each time.
        constexpr size_t kMostBackslashes = 8;
        const size_t here = at;
        while (!first && at > 0 && here - at < kMostBackslashes && window_.bytes[at - 1] == '\\') {
          spelling = Spelling::Escaped;
          --at;
        }
        return true;
      }
      if (at >= 3 && (window_.bytes[at - 1] | 0x20) == 'f' && window_.bytes[at - 2] == '2' &&
          window_.bytes[at - 3] == '%') {
        spelling = Spelling::PercentEncoded;
        at -= 3;
        return true;
      }
      return false;
    };
    if (!slash(false)) return std::nullopt;
    for (size_t index = needles_.store.size(); index-- > 0;) {
      const auto wanted = static_cast<uint8_t>(needles_.store[index]);
      if (wanted == '/') {
        if (!slash(index == 0)) return std::nullopt;
      } else {
        if (at == 0 || window_.bytes[at - 1] != wanted) return std::nullopt;
        --at;
      }
    }
    return Before{spelling, at};
  }

  // `at` is the last byte of STORE, followed by a slash. A whole hash was found by run().
  void lineWrapped(size_t at) {
    const size_t length = needles_.store.size();
    if (at + 1 < length) return;
    const size_t from = at + 1 - length;
    if (text(from, at + 1) != needles_.store) return;
    std::string hash;
    size_t position = at + 2;
    for (int breaks = 0; breaks <= 3; ++breaks) {
      while (hash.size() < kHash && isBase32(byte(position)))
        hash += static_cast<char>(byte(position++));
      if (hash.size() == kHash) {
        if (breaks == 0 || byte(position) != '-') return;
        size_t end = position + 1;
        while (end - position <= kLongestStoreName && isStoreNameByte(byte(end)))
          ++end;
        if (end == position + 1) return;
        add(MentionKind::StorePath, Spelling::LineWrapped, at, from,
            needles_.store + "/" + hash + std::string(text(position, end)));
        return;
      }
      const size_t next = behindLineBreak(position);
      if (next == position) return;
      position = next;
    }
  }

  // Where the next line's text begins, if a line ends at `at`: immediately, or behind what
  // continues it (a backslash, the "=" of quoted-printable) or closes a string.
  [[nodiscard]] size_t behindLineBreak(size_t at) const {
    size_t position = at;
    while (position - at < 4 && byte(position) != 0 &&
           std::strchr(" \\='\"", byte(position)) != nullptr)
      ++position;
    if (byte(position) == '\r') ++position;
    if (byte(position) != '\n') return at;
    ++position;
    // Indentation, the leader of a comment or quotation, an opening quote.
    const size_t line = position;
    while (position - line < 64 && byte(position) != 0 &&
           std::strchr(" \t#*>'\"", byte(position)) != nullptr)
      ++position;
    return position;
  }

  // `at` is the last character of STORE, followed by a zero and a slash: little-endian or
  // big-endian.
  void utf16(size_t at) {
    const std::string& store = needles_.store;
    if (at < 2 * (store.size() - 1)) return;
    const size_t from = at - 2 * (store.size() - 1);
    for (size_t index = 0; index + 1 < store.size(); ++index) {
      if (byte(from + 2 * index) != static_cast<uint8_t>(store[index]) ||
          byte(from + 2 * index + 1) != 0)
        return;
    }
    std::string entry;
    // One character in every other byte, zeros between them.
    size_t position = at + 4;
    while (entry.size() <= kHash + kLongestStoreName && position < window_.size &&
           byte(position - 1) == 0 && isStoreNameByte(byte(position))) {
      entry += static_cast<char>(byte(position));
      position += 2;
    }
    if (entry.size() < kHash + 2 || entry[kHash] != '-' ||
        !std::all_of(entry.begin(), entry.begin() + kHash,
                     [](char c) { return isBase32(static_cast<uint8_t>(c)); }))
      return;
    add(MentionKind::StorePath, Spelling::Utf16, at, from, store + "/" + entry);
  }

  // -- names of libraries and loaders -----------------------------------------------------------

  // ".so" is at `at`. A name may contain it more than once, and counts where the first one is.
  void name(size_t at) {
    if (at < nameEnd_) return;
    size_t from = at;
    while (from > 0 && at - from <= kLongestFileName && isFileNameByte(window_.bytes[from - 1]))
      --from;
    size_t end = at + 3;
    while (end < window_.size && end - at <= kLongestFileName && isFileNameByte(window_.bytes[end]))
      ++end;
    nameEnd_ = end;
    if (end - from > kLongestFileName) return;
    const std::string_view found = text(from, end);
    if (found.find(".so") != at - from) return;
    if (isLoaderName(found)) {
      if (byte(end) != '/') interpreter(at, from, end);
    } else if (isSoname(found) && startsString(from) && endsString(end)) {
      add(MentionKind::Soname, Spelling::Plain, at, from, found);
    }
  }

  [[nodiscard]] bool startsString(size_t from) const {
    return from == 0 ? window_.atStart : isDelimiter(window_.bytes[from - 1]);
  }

  [[nodiscard]] bool endsString(size_t end) const {
    return end == window_.size ? window_.atEnd : isDelimiter(window_.bytes[end]);
  }

  void interpreter(size_t at, size_t nameFrom, size_t end) {
    size_t from = pathBefore(nameFrom, end, isPathByte);
    if (end - from > kLongestPath) return;
    // Any byte may be part of a name. Bytes outside ASCII count only in a complete path: code and
    // typographic quotation marks have such bytes too.
    const size_t wide =
        pathBefore(from, end, [](uint8_t byte) { return isPathByte(byte) || isOtherByte(byte); });
    if (end - wide <= kLongestPath && byte(wide) == '/' && startsWord(wide)) from = wide;
    add(MentionKind::Interpreter, Spelling::Plain, at, from, text(from, end));
  }

  // Where the path begins whose last component is between `from` and `end`.
  size_t pathBefore(size_t from, size_t end, bool (*isPart)(uint8_t)) const {
    while (from > 0 && end - from <= kLongestPath && isPart(window_.bytes[from - 1]))
      --from;
    // "--dynamic-linker=/lib64/ld-linux-x86-64.so.2" is a path from the first slash on,
    // "usr/lib/ld.so.1" from its beginning.
    const size_t equals = text(from, end).rfind("=/");
    return equals == std::string_view::npos ? from : from + equals + 1;
  }

  [[nodiscard]] bool startsWord(size_t from) const {
    return startsString(from) ||
           (from > 0 && std::strchr(" \t\n=:,;(<[{", window_.bytes[from - 1]) != nullptr);
  }

  const Window& window_;
  const Needles& needles_;
  WindowHits& hits_;
  size_t runEnd_ = 0;
  size_t nameEnd_ = 0;
};

// The first character of a hash, or what behindLineBreak() skips if a line ends within it.
constexpr std::string_view kBehindStore = "0123456789abcdfghijklmnpqrsvwxyz \\='\x22\r\n";

CandidateTables tablesFor(std::string_view last) {
  // Some share a bit: those whose mixtures are rare in programs.
  const std::array<Fingerprint, CandidateTables::kMostFingerprints> fingerprints = {{
      {".\xfd("sv, "s7\xb5"sv, "oz/"sv},  // ".so", xz, Zstandard
      {last, "/"sv, kBehindStore},        // STORE/ and what may follow on the next line
      {last, "\0"sv, "/"sv},              // the same in UTF-16
      {"B\x1f"sv, "Z\x8b"sv, "h\x08"sv},  // bzip2, gzip
      {"Ph"sv, "Ks"sv, "\x03q"sv},        // zip, SquashFS
  }};
  return CandidateTables(fingerprints);
}

}  // namespace

Needles::Needles(std::string storeDirectory, HashSet known)
    : store(std::move(storeDirectory)),
      hashes(std::move(known)),
      tables(tablesFor(std::string_view(store).substr(store.size() - 1))) {}

void searchWindow(const Window& window, const Needles& needles, InstructionSet set,
                  WindowHits& hits) {
  WindowSearch search(window, needles, hits);
  Candidates candidates;
  // The 16 bytes that reveal a hash may be up to 15 bytes behind its first one.
  const size_t end = std::min(window.end + 16, window.size);
  for (size_t at = window.begin; at < end;) {
    candidates.clear();
    at = findCandidates(set, needles.tables, window.bytes, at, end, candidates);
    for (size_t index = 0; index < candidates.runCount; ++index)
      search.run(candidates.runs[index]);
    for (size_t index = 0; index < candidates.fingerprintCount; ++index) {
      if (candidates.fingerprints[index] < window.end)
        search.fingerprint(candidates.fingerprints[index]);
    }
  }
  std::sort(hits.mentions.begin(), hits.mentions.end(), [](const Hit& one, const Hit& other) {
    return std::tie(one.anchor, one.kind, one.text) <
           std::tie(other.anchor, other.kind, other.text);
  });
}

}  // namespace fixelf
