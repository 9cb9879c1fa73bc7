// The second pass: what is at a candidate?
//
// A file is searched in windows. Each has an inner part, and on both sides context that belongs to
// the inner parts of the neighbouring windows. Each finding is anchored at one byte (a hash's
// first, the dot of ".so", the first of a magic number) and belongs to the window whose inner part
// contains that byte. Everything that decides about it is within the context, so that no border can
// hide anything or count it twice.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "scan/candidates.hpp"
#include "scan/hash_set.hpp"
#include "scan/mention.hpp"

namespace fixelf {

// What is looked for.
struct Needles {
  static constexpr size_t kLongestStore = 256;

  // `store` is the store's directory, absolute and no longer than that.
  Needles(std::string store, HashSet hashes);

  std::string store;
  HashSet hashes;
  CandidateTables tables;
};

struct Window {
  // On each side, or up to the beginning and end of the file.
  static constexpr size_t kContext = 2048;
  // This many bytes behind the last one have to be readable, and zero.
  static constexpr size_t kPadding = kCandidateMargin + 64;

  const uint8_t* bytes = nullptr;
  size_t size = 0;
  // The inner part.
  size_t begin = 0;
  size_t end = 0;
  // The window begins, or ends, where the file does.
  bool atStart = false;
  bool atEnd = false;
};

struct Hit {
  MentionKind kind = MentionKind::StorePath;
  Spelling spelling = Spelling::Plain;
  size_t anchor = 0;  // in the window, like the offset at which it begins
  size_t offset = 0;
  std::string text;
};

struct WindowHits {
  void clear() {
    mentions.clear();
    magics.clear();
  }

  std::vector<Hit> mentions;   // by anchor
  std::vector<size_t> magics;  // where compressed data may begin; ascending
};

// Adds what the window's inner part contains.
void searchWindow(const Window& window, const Needles& needles, InstructionSet set,
                  WindowHits& hits);

}  // namespace fixelf
