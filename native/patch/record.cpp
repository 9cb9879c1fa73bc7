#include "patch/record.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "patch/digest.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fixelf {

namespace {

using SectorBytes = std::span<const uint8_t, kSectorSize>;

uint64_t hashOf(SectorBytes bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

bool isZero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Calls back with each sector, zeros past the source's end, until told to stop. Reads adjacent ones
// together.
Status eachSector(const Source& source, std::span<const Sector> sectors,
                  const std::function<bool(size_t, SectorBytes)>& visit) {
  constexpr size_t kTogether = 128;
  std::vector<uint8_t> buffer;
  for (size_t begin = 0; begin < sectors.size();) {
    size_t end = begin + 1;
    while (end < sectors.size() && end - begin < kTogether &&
           sectors[end].index == sectors[end - 1].index + 1) {
      ++end;
    }
    const uint64_t offset = sectors[begin].index * kSectorSize;
    buffer.assign((end - begin) * kSectorSize, 0);
    if (offset < source.size()) {
      const auto length =
          static_cast<size_t>(std::min<uint64_t>(buffer.size(), source.size() - offset));
      if (Status status = source.read(offset, std::span(buffer).first(length)); !status) {
        return status;
      }
    }
    for (size_t at = begin; at < end; ++at) {
      const auto bytes = std::span(buffer).subspan((at - begin) * kSectorSize);
      if (!visit(at, bytes.first<kSectorSize>())) return Done{};
    }
    begin = end;
  }
  return Done{};
}

// Whether these are a sector's bytes, in a file that will end (or did end) at `size` but is longer
// for now.
bool isSectorOf(SectorBytes bytes, const Sector& sector, uint64_t size) {
  if (hashOf(bytes) == sector.hash) return true;
  const uint64_t offset = sector.index * kSectorSize;
  if (size >= offset + kSectorSize) return false;
  std::array<uint8_t, kSectorSize> cut{};
  if (size > offset) std::copy_n(bytes.begin(), size - offset, cut.begin());
  return hashOf(cut) == sector.hash;
}

const Sector* find(const std::vector<Sector>& sectors, uint64_t index) {
  const auto at =
      std::lower_bound(sectors.begin(), sectors.end(), index,
                       [](const Sector& sector, uint64_t wanted) { return sector.index < wanted; });
  return at != sectors.end() && at->index == index ? &*at : nullptr;
}

// Whether a sector holds the original's bytes wherever they were replaced, and nothing past the
// original's end.
bool isOriginalSector(SectorBytes bytes, uint64_t index, const Record& record) {
  const uint64_t offset = index * kSectorSize;
  const uint64_t end = offset + kSectorSize;
  if (end > record.originalSize) {
    const uint64_t inside = std::max(record.originalSize, offset) - offset;
    if (!isZero(bytes.subspan(static_cast<size_t>(inside)))) return false;
  }
  auto range =
      std::partition_point(record.original.begin(), record.original.end(),
                           [&](const ByteRange& candidate) { return candidate.end() <= offset; });
  for (; range != record.original.end() && range->offset < end; ++range) {
    const uint64_t from = std::max(range->offset, offset);
    const uint64_t to = std::min(range->end(), end);
    if (!std::equal(bytes.begin() + static_cast<ptrdiff_t>(from - offset),
                    bytes.begin() + static_cast<ptrdiff_t>(to - offset),
                    range->bytes.begin() + static_cast<ptrdiff_t>(from - range->offset))) {
      return false;
    }
  }
  return true;
}

// Whether the file is exactly what one change left, going by the sectors that it changed.
Result<bool> holdsFixed(const FileSource& file, const Record& record) {
  if (file.size() != record.fixedSize) return false;
  bool same = true;
  Status status = eachSector(file, record.fixed, [&](size_t at, SectorBytes bytes) {
    return same = hashOf(bytes) == record.fixed[at].hash;
  });
  if (!status) return status.error();
  return same;
}

// Whether the rest of the file, which the change left alone, is untouched as well.
Result<bool> isUntouched(const FileSource& file, const Record& record) {
  const FileSource::Identity& identity = file.identity();
  const bool sameFile =
      identity.inode == record.inode && identity.modifiedNanoseconds == record.modifiedNanoseconds;
  if (!record.settlement) return sameFile;
  if (sameFile && identity.changedNanoseconds == record.settlement->changedNanoseconds) return true;
  // Touched, moved, copied, or given another mode: the content decides. If its digest is not known,
  // the times do, which every writer changes.
  if (!record.settlement->digest) return sameFile;
  auto digest = digestOf(file.descriptor(), file.size(), record.path);
  if (!digest) return digest.error();
  return *digest == *record.settlement->digest;
}

Result<FileState> compareWithPending(const FileSource& file, const Record& pending,
                                     const Record* settled) {
  uint64_t least = std::min(pending.originalSize, pending.fixedSize);
  uint64_t most = std::max(pending.originalSize, pending.fixedSize);
  if (settled != nullptr) {
    least = std::min(least, settled->fixedSize);
    most = std::max(most, settled->fixedSize);
  }
  if (file.size() < least || file.size() > most) return FileState::Foreign;
  bool after = file.size() == pending.fixedSize;
  bool before = file.size() == (settled != nullptr ? settled->fixedSize : pending.originalSize);
  bool known = true;
  Status status = eachSector(file, pending.fixed, [&](size_t at, SectorBytes bytes) {
    const Sector& sector = pending.fixed[at];
    const bool isAfter = isSectorOf(bytes, sector, pending.fixedSize) ||
                         (pending.cut.index == sector.index && pending.cut.hash == hashOf(bytes));
    const Sector* earlier = settled != nullptr ? find(settled->fixed, sector.index) : nullptr;
    const bool isOriginal = isOriginalSector(bytes, sector.index, pending);
    const bool isBefore =
        earlier != nullptr ? isSectorOf(bytes, *earlier, settled->fixedSize) : isOriginal;
    after = after && isAfter;
    before = before && isBefore;
    // An undo in place leaves originals even where an earlier change had left something else.
    return known = isAfter || isBefore || isOriginal;
  });
  if (!status) return status.error();
  if (!known) return FileState::Foreign;
  return after ? FileState::After : before ? FileState::Before : FileState::Mixture;
}

// What a change replaces: its ranges, and the end of the file if it cuts that off.
Result<std::vector<ByteRange>> replacedBytes(const FileSource& file,
                                             std::span<const ByteRange> ranges, uint64_t newSize) {
  std::vector<ByteRange> before;
  const auto add = [&](uint64_t from, uint64_t end) -> Status {
    end = std::min(end, file.size());
    if (from >= end) return Done{};
    auto bytes = file.bytes(from, end - from, end - from);
    if (!bytes) return bytes.error();
    before.push_back({from, std::move(*bytes)});
    return Done{};
  };
  for (const ByteRange& range : ranges) {
    if (Status status = add(range.offset, std::min(range.end(), newSize)); !status) {
      return status.error();
    }
  }
  if (Status status = add(newSize, file.size()); !status) return status.error();
  return before;
}

void addSectors(std::vector<Sector>& sectors, uint64_t from, uint64_t end) {
  for (uint64_t index = from / kSectorSize; index * kSectorSize < end; ++index) {
    sectors.push_back({index, 0});
  }
}

// Adds the parts of `added` that no range of `ranges` covers yet.
void addUncovered(std::vector<ByteRange>& ranges, const ByteRange& added) {
  const std::vector<ByteRange> covered = ranges;
  uint64_t at = added.offset;
  const auto take = [&](uint64_t end) {
    if (end <= at) return;
    const auto from = added.bytes.begin() + static_cast<ptrdiff_t>(at - added.offset);
    ranges.push_back({at, {from, from + static_cast<ptrdiff_t>(end - at)}});
  };
  for (const ByteRange& range : covered) {
    if (range.end() <= at || range.offset >= added.end()) continue;
    take(range.offset);
    at = std::max(at, range.end());
  }
  take(added.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
}

}  // namespace

Result<Record> recordOf(const FileSource& file, std::span<const ByteRange> ranges, uint64_t newSize,
                        const Record* earlier) {
  auto replaced = replacedBytes(file, ranges, newSize);
  if (!replaced) return replaced.error();
  Record record;
  record.fixedSize = newSize;
  for (const ByteRange& range : ranges)
    addSectors(record.fixed, range.offset, range.end());
  addSectors(record.fixed, newSize, file.size());
  if (earlier == nullptr) {
    record.originalSize = file.size();
    record.original = std::move(*replaced);
  } else {
    record.originalSize = earlier->originalSize;
    record.original = earlier->original;
    for (ByteRange& range : *replaced) {
      if (range.offset >= record.originalSize) continue;
      range.bytes.resize(static_cast<size_t>(
          std::min<uint64_t>(range.bytes.size(), record.originalSize - range.offset)));
      addUncovered(record.original, range);
    }
    record.fixed.insert(record.fixed.end(), earlier->fixed.begin(), earlier->fixed.end());
  }
  std::sort(record.fixed.begin(), record.fixed.end(),
            [](const Sector& a, const Sector& b) { return a.index < b.index; });
  record.fixed.erase(
      std::unique(record.fixed.begin(), record.fixed.end(),
                  [](const Sector& a, const Sector& b) { return a.index == b.index; }),
      record.fixed.end());
  const PatchedSource changed(file, ranges, newSize);
  Status status = eachSector(changed, record.fixed, [&](size_t at, SectorBytes bytes) {
    record.fixed[at].hash = hashOf(bytes);
    return true;
  });
  if (!status) return status.error();
  record.cut.index = newSize;
  if (newSize > file.size() && file.size() % kSectorSize != 0) {
    record.cut.index = file.size() / kSectorSize;
    const PatchedSource cut(changed, {}, file.size());
    status = eachSector(cut, {&record.cut, 1}, [&](size_t, SectorBytes bytes) {
      record.cut.hash = hashOf(bytes);
      return true;
    });
    if (!status) return status.error();
  }
  return record;
}

Result<FileState> compare(const FileSource& file, const Remembered& remembered) {
  if (remembered.pending) {
    const Record* settled = remembered.settled ? &*remembered.settled : nullptr;
    return compareWithPending(file, *remembered.pending, settled);
  }
  const Record& record = *remembered.settled;
  auto fixed = holdsFixed(file, record);
  if (!fixed || !*fixed) return fixed ? Result<FileState>(FileState::Foreign) : fixed.error();
  auto untouched = isUntouched(file, record);
  if (!untouched) return untouched.error();
  return *untouched ? FileState::After : FileState::Foreign;
}

Result<bool> holdsOriginal(const FileSource& file, const Record& record) {
  if (file.size() != record.originalSize) return false;
  bool same = true;
  Status status = eachSector(file, record.fixed, [&](size_t at, SectorBytes bytes) {
    return same = isOriginalSector(bytes, record.fixed[at].index, record);
  });
  if (!status) return status.error();
  return same;
}

}  // namespace fixelf
