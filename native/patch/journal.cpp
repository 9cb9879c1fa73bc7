#include "patch/journal.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/directory.hpp"
#include "base/own.hpp"

namespace fixelf {

namespace {

// A file of records, in host byte order (records do not travel between machines):
//   magic, number of records, an index of them, the index's hash;
//   a settlement for each, zeros until it is written;
//   the records, each with its hash.
constexpr std::array<char, 16> kMagic = {"fixelf undo 2\n"};
constexpr uint64_t kMostRecords = 1U << 16;
constexpr uint64_t kLargestRecord = 1U << 30;
constexpr mode_t kPrivate = 0600;

struct PathHash {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const PathHash&) const = default;
};

struct IndexEntry {
  PathHash path;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct StoredSettlement {
  int64_t changedNanoseconds = 0;
  uint64_t digest = 0;
  uint64_t hasDigest = 0;
  uint64_t hash = 0;  // of the above: tells a complete one from zeros, and from half of one
};

constexpr uint64_t kIndexOffset = kMagic.size() + sizeof(uint64_t);

constexpr uint64_t settlementsOffset(uint64_t count) {
  return kIndexOffset + count * sizeof(IndexEntry) + sizeof(uint64_t);
}

constexpr uint64_t recordsOffset(uint64_t count) {
  return settlementsOffset(count) + count * sizeof(StoredSettlement);
}

PathHash hashOf(const std::string& path) {
  const XXH128_hash_t hash = XXH3_128bits(path.data(), path.size());
  return {hash.high64, hash.low64};
}

std::string settledName(const std::string& path) {
  const PathHash hash = hashOf(path);
  std::array<char, 33> name{};
  std::snprintf(name.data(), name.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return name.data();
}

std::string pendingName(const std::string& path) {
  return settledName(path) + "+";
}

class Writer {
 public:
  template <class Value>
  void value(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    const auto* at = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof value);
  }
  template <class Bytes>
  void block(const Bytes& block) {
    value<uint64_t>(block.size());
    bytes_.insert(bytes_.end(), block.begin(), block.end());
  }
  [[nodiscard]] uint64_t size() const { return bytes_.size(); }
  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// After any read past the end, `failed` is set and everything that follows is empty.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  template <class Value>
  Value value() {
    Value value{};
    if (bytes_.size() < sizeof value) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  std::vector<uint8_t> block() {
    const auto size = value<uint64_t>();
    if (size > bytes_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = bytes_.first(static_cast<size_t>(size));
    bytes_ = bytes_.subspan(static_cast<size_t>(size));
    return {taken.begin(), taken.end()};
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::span<const uint8_t> bytes_;
  bool failed_ = false;
};

void write(Writer& writer, const Record& record) {
  writer.block(record.path);
  writer.value(record.originalSize);
  writer.value<uint64_t>(record.original.size());
  for (const ByteRange& range : record.original) {
    writer.value(range.offset);
    writer.block(range.bytes);
  }
  writer.value(record.fixedSize);
  // Sectors in runs: first, count, hashes. An empty run ends them.
  for (auto first = record.fixed.begin(); first != record.fixed.end();) {
    auto end = first + 1;
    while (end != record.fixed.end() && end->index == (end - 1)->index + 1)
      ++end;
    writer.value(first->index);
    writer.value(static_cast<uint64_t>(end - first));
    for (; first != end; ++first)
      writer.value(first->hash);
  }
  writer.value<uint64_t>(0);
  writer.value<uint64_t>(0);
  writer.value(record.cut);
  writer.value(record.inode);
  writer.value(record.modifiedNanoseconds);
  writer.value<uint8_t>(record.inPlace ? 1 : 0);
}

std::optional<Record> read(std::span<const uint8_t> bytes) {
  Reader reader(bytes);
  Record record;
  const auto path = reader.block();
  record.path.assign(path.begin(), path.end());
  record.originalSize = reader.value<uint64_t>();
  const auto ranges = reader.value<uint64_t>();
  for (uint64_t index = 0; index < ranges && !reader.failed(); ++index) {
    const auto offset = reader.value<uint64_t>();
    record.original.push_back({offset, reader.block()});
  }
  record.fixedSize = reader.value<uint64_t>();
  while (!reader.failed()) {
    const auto first = reader.value<uint64_t>();
    const auto count = reader.value<uint64_t>();
    if (count == 0) break;
    // Offsets have to stay below 2^63, or sums of them would wrap.
    constexpr uint64_t kMostSectors = (uint64_t{1} << 62) / kSectorSize;
    if (first > kMostSectors || count > kMostSectors) return std::nullopt;
    for (uint64_t index = 0; index < count && !reader.failed(); ++index) {
      record.fixed.push_back({first + index, reader.value<uint64_t>()});
    }
  }
  record.cut = reader.value<Sector>();
  record.inode = reader.value<uint64_t>();
  record.modifiedNanoseconds = reader.value<int64_t>();
  record.inPlace = reader.value<uint8_t>() != 0;
  if (reader.failed()) return std::nullopt;
  uint64_t at = 0;
  for (const ByteRange& range : record.original) {
    if (range.offset < at || range.offset > record.originalSize ||
        range.bytes.size() > record.originalSize - range.offset) {
      return std::nullopt;
    }
    at = range.end();
  }
  // What the fixed file does not hold must be in the record.
  if (record.originalSize > std::max(record.fixedSize, at)) return std::nullopt;
  return record;
}

StoredSettlement store(const Settlement& settlement, const PathHash& path) {
  StoredSettlement stored{settlement.changedNanoseconds, settlement.digest.value_or(0),
                          settlement.digest.has_value() ? uint64_t{1} : 0, 0};
  stored.hash = XXH3_64bits_withSeed(&stored, offsetof(StoredSettlement, hash), path.low);
  return stored;
}

std::optional<Settlement> settlementOf(const StoredSettlement& stored, const PathHash& path) {
  if (stored.hash != XXH3_64bits_withSeed(&stored, offsetof(StoredSettlement, hash), path.low)) {
    return std::nullopt;
  }
  Settlement settlement{stored.changedNanoseconds, std::nullopt};
  if (stored.hasDigest != 0) settlement.digest = stored.digest;
  return settlement;
}

// Roughly how long a record becomes: one that is a little longer is copied once more.
uint64_t lengthOf(const Record& record) {
  uint64_t length = 4 * kSectorSize + record.path.size() + record.fixed.size() * sizeof(uint64_t);
  for (const ByteRange& range : record.original)
    length += 2 * sizeof(uint64_t) + range.bytes.size();
  return length;
}

// The content of a file of records, without settlements.
std::vector<uint8_t> serialise(std::span<const Record* const> records) {
  Writer file;
  uint64_t length = recordsOffset(records.size());
  for (const Record* record : records)
    length += lengthOf(*record);
  file.bytes().reserve(length);
  file.bytes().resize(recordsOffset(records.size()));
  Writer head;
  head.value(kMagic);
  head.value<uint64_t>(records.size());
  for (const Record* record : records) {
    const uint64_t start = file.size();
    write(file, *record);
    head.value(IndexEntry{hashOf(record->path), start, file.size() - start});
    file.value<uint64_t>(XXH3_64bits(file.bytes().data() + start, file.size() - start));
  }
  head.value<uint64_t>(XXH3_64bits(head.bytes().data(), head.size()));
  std::copy(head.bytes().begin(), head.bytes().end(), file.bytes().begin());
  return std::move(file.bytes());
}

// What precedes the records in a file; nothing if it is damaged.
struct Head {
  std::vector<IndexEntry> index;
  std::vector<StoredSettlement> settlements;
};

Result<std::optional<Head>> headOf(const FileSource& file) {
  const std::optional<Head> damaged;
  if (file.size() < kIndexOffset) return damaged;
  auto start = file.bytes(0, kIndexOffset, kIndexOffset);
  if (!start) return start.error();
  Reader reader(*start);
  if (reader.value<std::array<char, kMagic.size()>>() != kMagic) return damaged;
  const auto count = reader.value<uint64_t>();
  if (count > kMostRecords || file.size() < recordsOffset(count)) return damaged;
  const uint64_t length = recordsOffset(count);
  auto tables = file.bytes(0, length, length);
  if (!tables) return tables.error();
  const uint64_t indexEnd = settlementsOffset(count) - sizeof(uint64_t);
  Reader check(std::span<const uint8_t>(*tables).subspan(indexEnd));
  if (check.value<uint64_t>() != XXH3_64bits(tables->data(), indexEnd)) return damaged;
  Reader index(std::span<const uint8_t>(*tables).subspan(kIndexOffset));
  Reader settlements(std::span<const uint8_t>(*tables).subspan(settlementsOffset(count)));
  Head head;
  for (uint64_t at = 0; at < count; ++at) {
    head.index.push_back(index.value<IndexEntry>());
    head.settlements.push_back(settlements.value<StoredSettlement>());
  }
  return std::optional(std::move(head));
}

// The paths that records are about, as far as the file is intact.
Result<std::vector<std::string>> pathsIn(const FileSource& file) {
  std::vector<std::string> paths;
  auto head = headOf(file);
  if (!head) return head.error();
  if (!*head) return paths;
  for (const IndexEntry& entry : (*head)->index) {
    // A record begins with its path (write, above).
    constexpr uint64_t kMost = sizeof(uint64_t) + PATH_MAX;
    if (entry.offset > file.size() || entry.length > file.size() - entry.offset) continue;
    auto start = file.bytes(entry.offset, std::min(entry.length, kMost), kMost);
    if (!start) return start.error();
    const auto block = Reader(*start).block();
    std::string path(block.begin(), block.end());
    if (hashOf(path) == entry.path) paths.push_back(std::move(path));
  }
  return paths;
}

// The one record about a path; nothing if the file is damaged or about others.
Result<std::optional<Record>> extract(const FileSource& file, const std::string& path) {
  const std::optional<Record> damaged;
  auto head = headOf(file);
  if (!head) return head.error();
  if (!*head) return damaged;
  const PathHash wanted = hashOf(path);
  for (size_t at = 0; at < (*head)->index.size(); ++at) {
    const IndexEntry& entry = (*head)->index[at];
    if (entry.path != wanted) continue;
    if (entry.length > kLargestRecord || entry.offset > file.size() ||
        entry.length + sizeof(uint64_t) > file.size() - entry.offset) {
      return damaged;
    }
    auto body = file.bytes(entry.offset, entry.length + sizeof(uint64_t),
                           kLargestRecord + sizeof(uint64_t));
    if (!body) return body.error();
    const auto content = std::span<const uint8_t>(*body).first(entry.length);
    Reader hash(std::span<const uint8_t>(*body).subspan(entry.length));
    if (hash.value<uint64_t>() != XXH3_64bits(content.data(), content.size())) return damaged;
    auto record = read(content);
    if (!record || record->path != path) return damaged;
    record->settlement = settlementOf((*head)->settlements[at], wanted);
    return record;
  }
  return damaged;
}

// The caller asked about a file, and the error is its record's: the message says so.
Error recordError(Error error, const std::string& record) {
  error.message = "the undo record " + record + ": " + error.message;
  if (error.code == ErrorCode::NoSpace)
    error.message += "; make room there, or set XDG_STATE_HOME to a directory that has some";
  error.path = record;
  return error;
}

// Whether a record may have that name (settledName, pendingName).
bool isRecordName(std::string_view name) {
  if (name.ends_with('+')) name.remove_suffix(1);
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<Journal> Journal::open(const std::string& directory) {
  auto descriptor = openOwnDirectory(directory);
  if (!descriptor) return descriptor.error();
  return Journal(directory, std::move(*descriptor));
}

Result<Journal> Journal::openIfThere(const std::string& directory) {
  auto journal = open(directory);
  if (!journal && journal.error().code == ErrorCode::NotFound)
    return Journal(directory, Descriptor());
  return journal;
}

Result<std::unique_ptr<FileSource>> Journal::openRecords(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  if (!directory_) return systemError(ENOENT, "open the undo record", path);
  Descriptor file(uninterrupted([&] {
    return openat(directory_.get(), name.c_str(),
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  }));
  if (!file) return recordError(systemError(errno, "open the file", path), path);
  if (Status own = demandOwn(file.get(), path); !own) return own.error();
  auto source = FileSource::adopt(file.release(), path);
  if (!source) return recordError(source.error(), path);
  return source;
}

Result<std::optional<Record>> Journal::read(const std::string& name,
                                            const std::string& path) const {
  auto source = openRecords(name);
  if (!source) return source.error();
  auto record = extract(**source, path);
  if (!record) return recordError(record.error(), path_ + "/" + name);
  return record;
}

Result<Remembered> Journal::load(const std::string& path) const {
  Remembered remembered;
  bool damaged = false;
  for (auto [name, record] : {std::pair{pendingName(path), &remembered.pending},
                              std::pair{settledName(path), &remembered.settled}}) {
    auto found = read(name, path);
    if (!found && found.error().code == ErrorCode::NotFound) continue;
    if (!found) {
      found.error().path = path;
      return found.error();
    }
    *record = std::move(*found);
    damaged = damaged || !*record;
  }
  if (remembered.latest() != nullptr) return remembered;
  if (damaged) {
    return Error{ErrorCode::Malformed,
                 "the undo record " + path_ + "/" + settledName(path) + " is damaged", path, 0};
  }
  return Error{ErrorCode::NoUndoRecord, "fixelf has no record of having changed this file", path,
               0};
}

Result<Journal::Below> Journal::pathsBelow(const std::string& directory,
                                           const std::stop_token& stop) const {
  if (!directory_) return Below{};
  auto opened = OpenDirectory::open(directory_.get(), ".", false, path_);
  if (!opened) return opened.error();
  std::set<std::string> names;
  Listing listing;
  for (bool more = true; more;) {
    auto listed = listing.next(**opened, path_);
    if (!listed) return listed.error();
    more = *listed;
    for (const DirectoryEntry& entry : listing.entries()) {
      if (isRecordName(listing.name(entry))) names.emplace(listing.name(entry));
    }
  }
  const std::string prefix = directory.ends_with('/') ? directory : directory + "/";
  std::set<uint64_t> inodes;          // a batch has many names
  std::set<std::string> unexplained;  // record names that belong to none of the paths
  std::set<std::string> explained;
  std::set<std::string> found;
  Below below;
  for (const std::string& name : names) {
    if (stop.stop_requested()) return cancelled("the search for records");
    auto file = openRecords(name);
    if (!file && file.error().code == ErrorCode::NotFound) continue;  // removed meanwhile
    if (file && !inodes.insert((*file)->identity().inode).second) {
      unexplained.insert(name);
      continue;
    }
    auto paths = file ? pathsIn(**file) : file.error();
    if (!paths && isShortage(paths.error())) return paths.error();
    if (!paths) {
      below.unreadable.push_back(std::move(paths.error()).at(path_ + "/" + name));
      continue;
    }
    unexplained.insert(name);
    for (std::string& path : *paths) {
      const std::string settled = settledName(path);
      const std::string pending = pendingName(path);
      explained.insert({settled, pending});
      const bool isKept = names.contains(settled) || names.contains(pending);
      if (isKept && (path == directory || path.starts_with(prefix))) found.insert(std::move(path));
    }
  }
  for (const std::string& name : unexplained) {
    if (explained.contains(name)) continue;
    const std::string path = path_ + "/" + name;
    below.unreadable.push_back(
        {ErrorCode::Malformed,
         "this undo record is damaged: nothing can be undone by it, so it can be removed", path,
         0});
  }
  below.paths.assign(found.begin(), found.end());
  return below;
}

Status Journal::rename(const std::string& from, const std::string& to) const {
  if (uninterrupted([&] {
        return renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str());
      }) == 0 ||
      errno == ENOENT) {
    return Done{};
  }
  return recordError(systemError(errno, "rename it", {}), path_ + "/" + from);
}

Status Journal::remove(const std::string& name) const {
  if (uninterrupted([&] { return unlinkat(directory_.get(), name.c_str(), 0); }) == 0 ||
      errno == ENOENT) {
    return Done{};
  }
  return recordError(systemError(errno, "remove it", {}), path_ + "/" + name);
}

Status Journal::settle(const std::string& path) const {
  return rename(pendingName(path), settledName(path));
}

Status Journal::reopen(const std::string& path) const {
  return rename(settledName(path), pendingName(path));
}

Status Journal::dropPending(const std::string& path) const {
  return remove(pendingName(path));
}

Status Journal::forget(const std::string& path) const {
  // The earlier one first: left alone, it would no longer lead back to anything.
  if (Status status = remove(settledName(path)); !status) return status;
  return remove(pendingName(path));
}

// One file for all; none if the file system lacks unnamed files or hard links.
Descriptor Journal::publishTogether(std::vector<Entry>& entries) const {
  Descriptor file(uninterrupted(
      [&] { return openat(directory_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kPrivate); }));
  if (!file) return {};
  std::vector<const Record*> records;
  records.reserve(entries.size());
  for (const Entry& entry : entries)
    records.push_back(entry.record);
  if (Status status = writeFully(file.get(), 0, serialise(records), path_); !status) {
    for (Entry& entry : entries) {
      entry.status = recordError(status.error(), path_ + "/" + pendingName(entry.record->path));
    }
    return file;
  }
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  for (Entry& entry : entries) {
    const std::string name = pendingName(entry.record->path);
    entry.published =
        uninterrupted([&] {
          return linkat(AT_FDCWD, self.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW);
        }) == 0;
    if (entry.published) continue;
    const bool isFirst = &entry == entries.data();
    if (isFirst && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOENT)) return {};
    entry.status = recordError(systemError(errno, "name it", {}), path_ + "/" + name);
  }
  return file;
}

Descriptor Journal::publishAlone(Entry& entry) const {
  const std::string name = pendingName(entry.record->path);
  Descriptor file(uninterrupted([&] {
    return openat(directory_.get(), name.c_str(),
                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivate);
  }));
  if (!file) {
    entry.status = recordError(systemError(errno, "write it", {}), path_ + "/" + name);
  } else if (Status written = writeFully(file.get(), 0, serialise({&entry.record, 1}), path_);
             !written) {
    entry.status = recordError(written.error(), path_ + "/" + name);
    (void)remove(name);
  }
  entry.published = static_cast<bool>(entry.status);
  return file;
}

Journal::Publication Journal::publish(std::vector<Entry>& entries) const {
  Publication publication;
  publication.journal_ = this;
  if (entries.empty()) return publication;
  if (Descriptor file = publishTogether(entries)) {
    publication.files_.push_back(std::move(file));
    return publication;
  }
  publication.files_.reserve(entries.size());
  for (Entry& entry : entries)
    publication.files_.push_back(publishAlone(entry));
  return publication;
}

Status Journal::adopt(const Record& record) const {
  std::vector<Entry> entries(1);
  entries[0].record = &record;
  entries[0].settlement = record.settlement;
  const Publication publication = publish(entries);
  if (!entries[0].status) return entries[0].status;
  if (Status status = publication.flush(); !status) return status;
  publication.settle(entries);
  return settle(record.path);  // whatever has no settlement is still pending
}

Status Journal::Publication::flush() const {
  if (journal_ == nullptr) return Done{};
  for (const Descriptor& file : files_) {
    if (!file) continue;
    if (Status status = flushFile(file.get(), {}); !status)
      return recordError(status.error(), journal_->path_);
  }
  if (Status status = flushFile(journal_->directory_.get(), {}); !status)
    return recordError(status.error(), journal_->path_);
  return Done{};
}

void Journal::Publication::settle(const std::vector<Entry>& entries) const {
  if (entries.empty()) return;
  const bool together = files_.size() == 1;
  Writer settlements;
  for (size_t at = 0; at < entries.size(); ++at) {
    const Entry& entry = entries[at];
    StoredSettlement stored;
    if (entry.settlement) stored = store(*entry.settlement, hashOf(entry.record->path));
    settlements.value(stored);
    if (together || !entry.settlement) continue;
    const std::span bytes(reinterpret_cast<const uint8_t*>(&stored), sizeof stored);
    (void)writeFully(files_[at].get(), settlementsOffset(1), bytes, journal_->path_);
  }
  if (together) {
    (void)writeFully(files_.front().get(), settlementsOffset(entries.size()), settlements.bytes(),
                     journal_->path_);
  }
  for (const Entry& entry : entries) {
    if (entry.settlement) (void)journal_->settle(entry.record->path);
  }
}

}  // namespace fixelf
