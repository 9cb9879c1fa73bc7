// Writing, undo records and the journal, with real files: a change is undone byte for byte, also
// from a mixture of old and new sectors; what another process has written since stays; a damaged
// record is refused, and one with correct checksums crashes nothing.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "edits.hpp"
#include "patch/journal.hpp"
#include "patch/planned.hpp"
#include "patch/undo.hpp"
#include "patch/write.hpp"
#include "scratch.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;
namespace fs = std::filesystem;

constexpr uint64_t kSector = 512;

struct Place {
  Place() : file(scratch() + "/file"), state(scratch() + "/state") { mkdir(state.c_str(), 0700); }
  std::string file;
  std::string state;
};

const Place& place() {
  static const auto& place = *new Place;
  return place;
}

// Whether a change was made.
bool change(const Edits& edits, WriteMode mode) {
  const auto planned =
      planFile(place().file, [&](const Source& source) { return layOut(source, edits); });
  if (!planned || planned->layout.empty()) return false;
  WriteJob job;
  job.path = job.output = place().file;
  job.ranges = planned->layout.ranges;
  job.newSize = planned->layout.newSize;
  job.identity = planned->identity;
  job.mode = mode;
  const Status written = writeAll({job}, {place().state}).front();
  demand(static_cast<bool>(written), written ? "" : written.error().message);
  return true;
}

std::vector<fs::path> records() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(place().state))
    found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

void forget() {
  for (const fs::path& record : records())
    fs::remove(record);
}

// A crash in the middle of an in-place change: each sector is either old or new.
void mix(const Bytes& before, const Bytes& after, Choices choices) {
  const auto journal = Journal::open(place().state);
  demand(journal && journal->reopen(place().file), "the record cannot be reopened");
  Bytes mixture = after;
  mixture.resize(std::max(before.size(), after.size()), 0);
  for (uint64_t at = 0; at < mixture.size(); at += kSector) {
    if (choices.byte() % 2 == 0) continue;
    for (uint64_t byte = at; byte < std::min<uint64_t>(at + kSector, mixture.size()); ++byte)
      mixture[byte] = byte < before.size() ? before[byte] : 0;
  }
  writeFile(place().file, mixture);
}

// Corrects the checksums of a file of records (native/patch/journal.cpp).
void repair(Bytes& bytes) {
  constexpr size_t kIndex = 24;
  constexpr size_t kEntry = 32;
  const auto number = [&](size_t at) {
    uint64_t value = 0;
    std::memcpy(&value, &bytes[at], sizeof value);
    return value;
  };
  const auto put = [&](size_t at, uint64_t value) {
    std::memcpy(&bytes[at], &value, sizeof value);
  };
  if (bytes.size() < kIndex + kEntry + 8) return;
  const uint64_t count = number(16);
  if (count > (bytes.size() - kIndex - 8) / kEntry) return;
  for (uint64_t at = 0; at < count; ++at) {
    const uint64_t offset = number(kIndex + at * kEntry + 16);
    const uint64_t length = number(kIndex + at * kEntry + 24);
    if (offset > bytes.size() || length > bytes.size() - offset ||
        bytes.size() - offset - length < 8)
      continue;
    put(offset + length, XXH3_64bits(&bytes[offset], length));
  }
  const size_t end = kIndex + count * kEntry;
  put(end, XXH3_64bits(bytes.data(), end));
}

// Returns whether the checksums are right.
bool damageRecord(Choices choices) {
  const std::vector<fs::path> all = records();
  if (all.empty()) return true;
  Bytes bytes = readFile(all.front());
  const bool isRepaired = choices.byte() % 4 != 0;
  while (!choices.empty() && !bytes.empty()) {
    const size_t at = choices.number(2) % bytes.size();
    const uint8_t kind = choices.byte();
    if (kind == 0) {
      bytes.resize(at);
    } else if (kind < 0x40) {
      const uint64_t value = choices.number(8);
      std::memcpy(&bytes[at], &value, std::min(sizeof value, bytes.size() - at));
    } else {
      bytes[at] = choices.byte();
    }
  }
  if (isRepaired) repair(bytes);
  writeFile(all.front(), bytes);
  return isRepaired;
}

void damageFile(Choices choices) {
  Bytes bytes = readFile(place().file);
  while (!choices.empty() && !bytes.empty()) {
    bytes[choices.number(2) % bytes.size()] = choices.byte();
  }
  writeFile(place().file, bytes);
  // The file system's clock may not have advanced since.
  const timespec times[2] = {{1, 0}, {1, 0}};
  utimensat(AT_FDCWD, place().file.c_str(), times, 0);
}

}  // namespace

void run(std::span<const uint8_t> input) {
  const std::vector<Part> parts = partsOf(input);
  const auto given = partOf(parts, 0);
  const Bytes before(given.begin(), given.end());
  Choices choices(partOf(parts, 2));
  const uint8_t flags = choices.byte();
  const WriteMode mode = (flags & 1U) != 0 ? WriteMode::InPlace : WriteMode::Atomic;

  unlink(place().file.c_str());
  writeFile(place().file, before);
  Edits edits = editsFrom(partOf(parts, 1));
  if (partOf(parts, 1).empty())
    edits.searchPath = Edits::SearchPath{"/a/search/path", SearchPathTag::Runpath};
  if (!change(edits, mode)) {
    demand(readFile(place().file) == before, "what was refused has changed the file");
    demand(records().empty(), "a record of what was refused");
    return;
  }
  if ((flags & 2U) != 0) {
    edits.searchPath = Edits::SearchPath{choices.text(), SearchPathTag::Runpath};
    change(edits, (flags & 4U) != 0 ? WriteMode::InPlace : WriteMode::Atomic);
  }
  const Bytes after = readFile(place().file);

  bool mayDiffer = false;
  switch ((flags >> 3U) % 4) {
    case 0:
      break;
    case 1:
      if (mode == WriteMode::InPlace && (flags & 2U) == 0) mix(before, after, choices);
      break;
    case 2:
      mayDiffer = damageRecord(choices);
      break;
    default:
      damageFile(choices);
  }
  const Bytes found = readFile(place().file);
  const auto journal = Journal::open(place().state);
  demand(static_cast<bool>(journal), "the journal");
  (void)journal->pathsBelow(scratch());
  const Status undone = undo(place().file, place().state);
  const Bytes left = readFile(place().file);
  if (!undone) {
    demand((flags >> 3U) % 4 >= 2, "a change cannot be taken back: ", undone.error().message);
    demand(left == found || mayDiffer, "an undo that was refused has changed the file");
  } else {
    demand(left == before || mayDiffer, "an undo that gives another file");
  }
  forget();
}

}  // namespace fuzz
