// What a search finds, and what it cannot look into.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace fixelf {

enum class MentionKind {
  StorePath,    // STORE/<hash>-<name>
  Hash,         // the hash of a known store path without STORE in front
  Interpreter,  // a path, or a bare name, of a dynamic linker
  Soname,       // lib*.so or lib*.so.N…, between NULs or quotes
};

// How a store path is written. Nix finds `Plain`, and any other spelling that keeps the hash in one
// piece.
enum class Spelling {
  Plain,
  Escaped,         // \/nix\/store\/…, as some JSON writers do
  PercentEncoded,  // %2Fnix%2Fstore%2F…
  Utf16,           // two bytes for each character; Nix does not find it
  LineWrapped,     // a line ends within the hash; Nix does not find it
};

// Where a mention is. Nix scans an archive (NAR), which contains all three.
enum class Place { FileName, LinkTarget, Content };

struct Mention {
  MentionKind kind = MentionKind::StorePath;
  Spelling spelling = Spelling::Plain;
  std::string text;  // in plain spelling, however it was written
  // The first of them:
  std::shared_ptr<const std::string> path;
  Place place = Place::Content;
  uint64_t offset = 0;  // in the content, the name or the target
  uint64_t count = 0;
};

enum class Compression { Gzip, Xz, Zstd, Bzip2, Zip, Squashfs };

// Compressed bytes: their unpacked content is not known.
struct Compressed {
  Compression kind = Compression::Gzip;
  std::shared_ptr<const std::string> path;
  uint64_t offset = 0;  // of the first
  uint64_t count = 0;   // of that kind in this file
};

}  // namespace fixelf
