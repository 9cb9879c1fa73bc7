// What has been found so far, within a limit.
//
// A hostile file may name a hundred million different things. So only the first different mentions,
// by file and place in it, are kept up to a limit; any others are only counted. Each thread keeps
// its own collection and takes the files in order: once that is full, anything new to it comes
// after all that it holds, and so cannot be among the first ones of all threads together. Which
// mentions are kept does not depend on how the work was divided.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "scan/mention.hpp"

namespace fixelf {

// Where something was found; the files of a search are numbered in search order.
struct Spot {
  uint64_t file = 0;
  Place place = Place::Content;
  uint64_t anchor = 0;  // by which mentions are ordered
  uint64_t offset = 0;
  std::shared_ptr<const std::string> path;
};

class Collection {
 public:
  struct Limits {
    size_t mentions = 65536;     // different ones
    size_t textBytes = 8 << 20;  // of all their texts together
    size_t compressed = 65536;   // files and kinds
  };

  explicit Collection(const Limits& limits) : limits_(limits) {}

  // These are called in the order of files, places and anchors.
  void mention(MentionKind kind, Spelling spelling, std::string_view text, const Spot& spot);
  void compressed(Compression kind, const Spot& spot);
  // One that was not examined closely enough to know whether it is one.
  void unexaminedCompressed() { ++moreCompressed_; }

  // Takes over what another collection holds.
  void merge(Collection&& other);

  // In the order in which they were found.
  struct Answer {
    std::vector<Mention> mentions;
    uint64_t moreMentions = 0;  // how often something was found that is not among them
    std::vector<Compressed> compressed;
    uint64_t moreCompressed = 0;
  };
  Answer take();

 private:
  template <class What>
  struct Entry {
    What what;
    uint64_t file = 0;
    uint64_t anchor = 0;
  };

  Limits limits_;
  size_t textBytes_ = 0;
  std::unordered_map<std::string, Entry<Mention>> mentions_;  // by kind, spelling and text
  uint64_t moreMentions_ = 0;
  std::unordered_map<uint64_t, Entry<Compressed>> compressed_;  // by file and kind
  uint64_t moreCompressed_ = 0;
  std::string key_;  // kept, so that looking up allocates nothing
};

}  // namespace fixelf
