#include "patch/record.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

#include "patch/replacement.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fixelf {

namespace {

constexpr char kMagic[] = "fixelf undo 1\n";

std::string fileOf(const std::string& directory, const std::string& path) {
  const XXH128_hash_t hash = XXH3_128bits(path.data(), path.size());
  char name[40];
  std::snprintf(name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return directory + "/" + name;
}

// Host byte order: records do not travel between machines.
class Writer {
 public:
  template <class Integer>
  void integer(Integer value) {
    const auto* at = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof value);
  }
  template <class Bytes>
  void block(const Bytes& block) {
    integer<uint64_t>(block.size());
    bytes_.insert(bytes_.end(), block.begin(), block.end());
  }
  void ranges(const std::vector<ByteRange>& ranges) {
    integer<uint64_t>(ranges.size());
    for (const ByteRange& range : ranges) {
      integer(range.offset);
      block(range.bytes);
    }
  }
  std::vector<uint8_t> bytes_;
};

// After any read past the end, `failed` is set and all that follows is empty.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  template <class Integer>
  Integer integer() {
    Integer value{};
    if (bytes_.size() < sizeof value) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  std::vector<uint8_t> block() {
    const auto size = integer<uint64_t>();
    if (size > bytes_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = bytes_.first(static_cast<size_t>(size));
    bytes_ = bytes_.subspan(static_cast<size_t>(size));
    return {taken.begin(), taken.end()};
  }
  std::vector<ByteRange> ranges() {
    std::vector<ByteRange> ranges;
    const auto count = integer<uint64_t>();
    for (uint64_t index = 0; index < count && !failed_; ++index) {
      const auto offset = integer<uint64_t>();
      ranges.push_back({offset, block()});
    }
    return ranges;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::span<const uint8_t> bytes_;
  bool failed_ = false;
};

Error noRecord(const std::string& path, const std::string& why) {
  return Error{ErrorCode::NoUndoRecord, why, path, 0};
}

}  // namespace

Result<uint64_t> digestOf(int descriptor, uint64_t size, const std::string& path) {
  std::vector<uint8_t> buffer(1U << 20);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  uint64_t at = 0;
  while (at < size) {
    const ssize_t count = pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return systemError(errno, "read the file", path);
    if (count == 0) return Error{ErrorCode::Changed, "the file was truncated meanwhile", path, 0};
    XXH3_64bits_update(&state, buffer.data(), static_cast<size_t>(count));
    at += static_cast<uint64_t>(count);
  }
  return XXH3_64bits_digest(&state);
}

Status storeRecord(const std::string& directory, const Record& record) {
  Writer writer;
  writer.bytes_.assign(kMagic, kMagic + sizeof kMagic - 1);
  writer.block(record.path);
  writer.integer(record.originalSize);
  writer.ranges(record.original);
  writer.integer(record.fixedSize);
  writer.ranges(record.fixed);
  writer.integer<uint8_t>(record.digest.has_value() ? 1 : 0);
  writer.integer<uint64_t>(record.digest.value_or(0));
  writer.integer(record.inode);
  writer.integer(record.modifiedNanoseconds);
  writer.integer<uint8_t>(record.pending ? 1 : 0);
  writer.integer<uint64_t>(XXH3_64bits(writer.bytes_.data(), writer.bytes_.size()));

  const std::string target = fileOf(directory, record.path);
  auto replacement = Replacement::create(target);
  if (!replacement) return replacement.error();
  const std::vector<ByteRange> content = {{0, writer.bytes_}};
  if (Status status = replacement->apply(content, writer.bytes_.size()); !status) return status;
  return replacement->publish();
}

Result<Record> loadRecord(const std::string& directory, const std::string& path) {
  const std::string name = fileOf(directory, path);
  auto file = FileSource::open(name);
  if (!file) {
    if (file.error().code == ErrorCode::NotFound) {
      return noRecord(path, "fixelf has no record of having changed this file");
    }
    return file.error();
  }
  constexpr uint64_t kLargestRecord = 1U << 30;
  auto bytes = (*file)->bytes(0, (*file)->size(), kLargestRecord);
  if (!bytes) return std::move(bytes.error()).at(name);
  const size_t head = sizeof kMagic - 1;
  uint64_t sum = 0;
  if (bytes->size() < head + sizeof sum || std::memcmp(bytes->data(), kMagic, head) != 0) {
    return noRecord(path, "the undo record " + name + " is damaged");
  }
  std::memcpy(&sum, bytes->data() + bytes->size() - sizeof sum, sizeof sum);
  if (sum != XXH3_64bits(bytes->data(), bytes->size() - sizeof sum)) {
    return noRecord(path, "the undo record " + name + " is damaged");
  }
  Reader reader{std::span<const uint8_t>(*bytes).subspan(head)};
  Record record;
  const auto storedPath = reader.block();
  record.path.assign(storedPath.begin(), storedPath.end());
  record.originalSize = reader.integer<uint64_t>();
  record.original = reader.ranges();
  record.fixedSize = reader.integer<uint64_t>();
  record.fixed = reader.ranges();
  const bool hasDigest = reader.integer<uint8_t>() != 0;
  const auto digest = reader.integer<uint64_t>();
  if (hasDigest) record.digest = digest;
  record.inode = reader.integer<uint64_t>();
  record.modifiedNanoseconds = reader.integer<int64_t>();
  record.pending = reader.integer<uint8_t>() != 0;
  if (reader.failed() || record.path != path) {
    return noRecord(path, "the undo record " + name + " is damaged");
  }
  return record;
}

Status removeRecord(const std::string& directory, const std::string& path) {
  const std::string name = fileOf(directory, path);
  if (unlink(name.c_str()) != 0 && errno != ENOENT) {
    return systemError(errno, "remove the undo record", name);
  }
  return Done{};
}

namespace {

// Whether each byte that a change was to replace is the old one or the new one: then nobody else
// has written, and whatever a crash left can be led back.
bool isMixture(const FileSource& file, const Record& record) {
  const auto [least, most] = std::minmax(record.originalSize, record.fixedSize);
  if (file.size() < least || file.size() > most) return false;
  for (const ByteRange& fixed : record.fixed) {
    if (fixed.offset >= file.size()) continue;
    const uint64_t length = std::min<uint64_t>(fixed.bytes.size(), file.size() - fixed.offset);
    auto present = file.bytes(fixed.offset, length, length);
    if (!present) return false;
    // Past the old end a file that was grown, but not written yet, reads as zeros.
    std::vector<uint8_t> old(static_cast<size_t>(length), 0);
    for (const ByteRange& range : record.original) {
      const uint64_t from = std::max(range.offset, fixed.offset);
      const uint64_t to = std::min(range.end(), fixed.offset + length);
      for (uint64_t at = from; at < to; ++at) {
        old[static_cast<size_t>(at - fixed.offset)] =
            range.bytes[static_cast<size_t>(at - range.offset)];
      }
    }
    for (size_t at = 0; at < present->size(); ++at) {
      if ((*present)[at] != fixed.bytes[at] && (*present)[at] != old[at]) return false;
    }
  }
  return true;
}

}  // namespace

Status checkUnchanged(const FileSource& file, const Record& record) {
  const Error changed{ErrorCode::Changed, "the file has changed since fixelf wrote it", record.path,
                      0};
  if (record.pending) return isMixture(file, record) ? Status(Done{}) : Status(changed);
  if (file.size() != record.fixedSize) return changed;
  for (const ByteRange& range : record.fixed) {
    auto bytes = file.bytes(range.offset, range.bytes.size(), range.bytes.size());
    if (!bytes) return std::move(bytes.error()).at(record.path);
    if (*bytes != range.bytes) return changed;
  }
  if (record.digest) {
    auto digest = digestOf(file.descriptor(), file.size(), record.path);
    if (!digest) return digest.error();
    return *digest == *record.digest ? Status(Done{}) : Status(changed);
  }
  const bool same = file.identity().inode == record.inode &&
                    file.identity().modifiedNanoseconds == record.modifiedNanoseconds;
  return same ? Status(Done{}) : Status(changed);
}

Result<std::vector<ByteRange>> bytesBefore(const FileSource& file,
                                           const std::vector<ByteRange>& ranges) {
  std::vector<ByteRange> before;
  for (const ByteRange& range : ranges) {
    if (range.offset >= file.size()) continue;
    const uint64_t length = std::min<uint64_t>(range.bytes.size(), file.size() - range.offset);
    auto bytes = file.bytes(range.offset, length, length);
    if (!bytes) return bytes.error();
    before.push_back({range.offset, std::move(*bytes)});
  }
  return before;
}

namespace {

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

Record onTopOf(const Record& first, Record second) {
  std::vector<ByteRange> original = first.original;
  for (ByteRange range : second.original) {
    if (range.offset >= first.originalSize) continue;
    const uint64_t length =
        std::min<uint64_t>(range.bytes.size(), first.originalSize - range.offset);
    range.bytes.resize(static_cast<size_t>(length));
    addUncovered(original, range);
  }
  std::vector<ByteRange> fixed = second.fixed;
  for (const ByteRange& range : first.fixed)
    addUncovered(fixed, range);
  second.original = std::move(original);
  second.originalSize = first.originalSize;
  second.fixed = std::move(fixed);
  return second;
}

}  // namespace fixelf
