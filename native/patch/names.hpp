// The dynamic string table and what refers to it.
//
// Linkers share tails: the name "foo.so" may be the end of a RUNPATH "/opt/lib/foo.so", so a string
// may only be overwritten if no symbol, version or dynamic entry points anywhere into it. This is
// the bookkeeping that patchelf lacks when it overwrites an old RUNPATH.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elf/image.hpp"
#include "patch/pieces.hpp"

namespace fixelf {

// Whether a string table holds what DynamicNames would find for these names: one of them, the
// blanks of a released name, or zeros at its end. It is read in passing, not held; the middle of a
// very large one is skipped, so the answer may be no although there was room for a name.
Result<bool> holdsPlaceFor(const Source& source, const Piece& strings,
                           std::span<const std::string* const> names);

class DynamicNames {
 public:
  explicit DynamicNames(std::vector<uint8_t> bytes)
      : bytes_(std::move(bytes)), starts_((bytes_.size() + 63) / 64, 0) {
    mark(0);  // the empty name
  }

  // Something refers to the name at this index.
  void mark(uint64_t index) {
    if (index < bytes_.size()) starts_[static_cast<size_t>(index / 64)] |= 1ULL << (index % 64);
  }
  // Not all references are known: every byte then counts as used.
  void keepAll() { keepAll_ = true; }

  // What a name leaves when it goes, as with patchelf: the bytes show that there was one.
  static constexpr uint8_t kBlank = 'X';

  // After the last mark: of the names at these indices, blanks what nothing refers to any more, so
  // that no store path that is gone from the headers stays in the bytes for Nix to find. Returns
  // the blanked runs.
  struct Run {
    uint64_t start = 0;
    uint64_t end = 0;
    [[nodiscard]] uint64_t size() const { return end - start; }
  };
  std::vector<Run> settle(const std::vector<uint64_t>& freed);

  // The index of a name after settle(): in the place of a released one of the same length, else
  // where the table already has it, else in bytes that nothing refers to, else at the end, which
  // grows. `search` looks for it in the whole table.
  //
  // So a name whose length does not change keeps a place of its own: it takes none that an earlier
  // name has left, which may come back, and is not the tail of another new name, which may go. Put
  // the longest first: the table then grows only for what is longer than anything that was there
  // before.
  uint64_t put(const std::string& name, bool search);

  // Where put() wrote.
  [[nodiscard]] const std::vector<Run>& written() const { return written_; }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> takeBytes() { return std::move(bytes_); }

 private:
  [[nodiscard]] uint64_t nextStart(uint64_t from) const;
  void findDeadRuns();
  // Takes a range out of the dead runs and the released places.
  void revive(uint64_t start, uint64_t end);
  [[nodiscard]] std::optional<uint64_t> find(const std::string& name) const;
  [[nodiscard]] std::vector<Run> allDead() const;

  std::vector<uint8_t> bytes_;
  std::vector<uint64_t> starts_;  // a bit for each byte: whether a reference points there
  // Sorted, disjoint: the places of the released names, and what else nothing refers to.
  std::vector<Run> left_;
  std::vector<Run> dead_;
  std::vector<Run> written_;
  std::map<std::string, uint64_t> placed_;
  bool keepAll_ = false;
};

}  // namespace fixelf
