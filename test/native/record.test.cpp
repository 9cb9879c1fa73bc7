// Records of changes: those that a crash interrupted half-way, those of files that other processes
// wrote into, and damaged ones.
#include "patch/record.hpp"

#include <doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

#include <algorithm>
#include <iterator>

#include "patch/journal.hpp"
#include "patch/recorded_files.hpp"
#include "patch/undo.hpp"
#include "patch/write.hpp"

namespace {

namespace fs = std::filesystem;
using namespace fixelf;

constexpr size_t kSector = kSectorSize;

struct Records {
  Records() : directory(fs::temp_directory_path() / ("fixelf-record-" + std::to_string(getpid()))) {
    fs::create_directories(directory / "undo");
    file = (directory / "file").string();
  }
  ~Records() { fs::remove_all(directory); }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  [[nodiscard]] std::string records() const { return (directory / "undo").string(); }
  void put(const std::string& content) const { std::ofstream(file, std::ios::binary) << content; }
  [[nodiscard]] std::string content() const {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] size_t recordFiles() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(records()), {}));
  }

  [[nodiscard]] Status change(const std::vector<ByteRange>& ranges, uint64_t newSize,
                              WriteMode mode) const {
    auto source = FileSource::open(file);
    REQUIRE(source);
    WriteJob job;
    job.path = job.output = file;
    job.ranges = ranges;
    job.newSize = newSize;
    job.identity = (*source)->identity();
    job.mode = mode;
    return std::move(writeAll({job}, {records()}).front());
  }

  // As a process leaves it if killed before it writes the first byte in place.
  void begin(const std::vector<ByteRange>& ranges, uint64_t newSize) const {
    auto source = FileSource::open(file);
    REQUIRE(source);
    auto journal = Journal::open(records());
    REQUIRE(journal);
    auto earlier = journal->load(file);
    auto record = recordOf(**source, ranges, newSize, earlier ? earlier->latest() : nullptr);
    REQUIRE(record);
    record->path = file;
    std::vector<Journal::Entry> entries(1);
    entries[0].record = &*record;
    REQUIRE(journal->publish(entries).flush());
    REQUIRE(entries[0].status);
  }

  fs::path directory;
  std::string file;
};

std::vector<uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

// Sectors of one letter each.
std::string sectors(const std::string& letters) {
  std::string content;
  for (const char letter : letters)
    content += std::string(kSector, letter);
  return content;
}

std::string with(std::string content, const std::vector<ByteRange>& ranges) {
  for (const ByteRange& range : ranges) {
    content.resize(std::max<size_t>(content.size(), range.end()));
    std::copy(range.bytes.begin(), range.bytes.end(),
              content.begin() + static_cast<ptrdiff_t>(range.offset));
  }
  return content;
}

const std::string kOld = sectors("abcd") + "tail";
// Two sectors in the middle, one of them twice, and more behind the end.
const std::vector<ByteRange> kChange = {{kSector + 5, bytes("X")},
                                        {kSector + 90, bytes("Y")},
                                        {3 * kSector - 2, bytes("ZZZZ")},
                                        {4 * kSector + 4, bytes(sectors("nm"))}};
const std::string kNew = with(kOld, kChange);

// What a crash can leave: each sector old or new, and the end anywhere.
std::vector<std::string> mixtures(const std::string& before, const std::string& after) {
  std::vector<std::string> all;
  const size_t count = (std::max(before.size(), after.size()) + kSector - 1) / kSector;
  for (unsigned choice = 0; choice < 1U << count; ++choice) {
    for (const size_t size : {before.size(), after.size()}) {
      std::string mixture = before;
      mixture.resize(size, '\0');
      for (size_t sector = 0; sector < count; ++sector) {
        const size_t from = sector * kSector;
        if ((choice >> sector & 1U) == 0 || from >= size || from >= after.size()) continue;
        const size_t length = std::min({kSector, size - from, after.size() - from});
        mixture.replace(from, length, after, from, length);
      }
      all.push_back(std::move(mixture));
    }
  }
  return all;
}

}  // namespace

TEST_CASE("undo mends whatever a crash in the middle of an in-place change leaves") {
  const Records place;
  for (const std::string& left : mixtures(kOld, kNew)) {
    place.put(kOld);
    place.begin(kChange, kNew.size());
    place.put(left);
    REQUIRE(undo(place.file, place.records()));
    REQUIRE(place.content() == kOld);
    REQUIRE(place.recordFiles() == 0);
  }
}

TEST_CASE("undo mends a crash in a second change, back to what was before the first") {
  const Records place;
  const std::vector<ByteRange> second = {{100, bytes("second")},
                                         {2 * kSector, bytes("second")},
                                         {5 * kSector, bytes(sectors("sS") + "end")}};
  const std::string newest = with(kNew, second);
  for (const std::string& left : mixtures(kNew, newest)) {
    place.put(kOld);
    REQUIRE(place.change(kChange, kNew.size(), WriteMode::InPlace));
    place.begin(second, newest.size());
    place.put(left);
    REQUIRE(undo(place.file, place.records()));
    REQUIRE(place.content() == kOld);
    REQUIRE(place.recordFiles() == 0);
  }
}

TEST_CASE("undo refuses an interrupted change that somebody else wrote into") {
  const Records place;
  std::string between = kOld;
  between[kSector + 5] = 'X';  // half a sector: no disk leaves that
  for (const std::string& left :
       {between, with(kNew, {{kSector, bytes("?")}}), with(kNew, {{5 * kSector, bytes("?")}}),
        kNew + "more", kOld.substr(0, 3 * kSector)}) {
    place.put(kOld);
    place.begin(kChange, kNew.size());
    place.put(left);
    const Status status = undo(place.file, place.records());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Changed);
    CHECK(place.content() == left);
    fs::remove_all(place.records());
    fs::create_directories(place.records());
  }
}

TEST_CASE("a change that was interrupted is taken back before another is made") {
  const Records place;
  const std::vector<ByteRange> other = {{0, bytes("other")}};
  place.put(kOld);
  place.begin(kChange, kNew.size());
  place.put(mixtures(kOld, kNew).at(9));
  const Status refused = place.change(other, kNew.size(), WriteMode::Atomic);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Changed);
  REQUIRE(undo(place.file, place.records()));
  CHECK(place.content() == kOld);

  // If it had not begun, or was over, nothing prevents it.
  for (const std::string& left : {kOld, kNew}) {
    CAPTURE(left.size());
    place.put(kOld);
    place.begin(kChange, kNew.size());
    place.put(left);
    REQUIRE(place.change(other, left.size(), WriteMode::Atomic));
    CHECK(place.content() == with(left, other));
    REQUIRE(undo(place.file, place.records()));
    CHECK(place.content() == kOld);
    CHECK(place.recordFiles() == 0);
  }
}

TEST_CASE("a change that cuts the end of a file off is taken back") {
  const Records place;
  const std::vector<ByteRange> ranges = {{7, bytes("short")}};
  for (const WriteMode mode : {WriteMode::Atomic, WriteMode::InPlace}) {
    place.put(kOld);
    REQUIRE(place.change(ranges, 2 * kSector + 30, mode));
    CHECK(place.content() == with(kOld, ranges).substr(0, 2 * kSector + 30));
    REQUIRE(undo(place.file, place.records()));
    CHECK(place.content() == kOld);
  }
}

TEST_CASE("a file is still known after its metadata changed, and not after its content did") {
  const Records place;
  for (const WriteMode mode : {WriteMode::Atomic, WriteMode::InPlace}) {
    place.put(kOld);
    REQUIRE(place.change(kChange, kNew.size(), mode));
    fs::permissions(place.file, fs::perms::owner_all);
    fs::last_write_time(place.file, fs::file_time_type::clock::now());
    // Another file with the same content, as restored from a backup.
    fs::copy_file(place.file, place.file + ".copy", fs::copy_options::overwrite_existing);
    fs::rename(place.file + ".copy", place.file);
    REQUIRE(undo(place.file, place.records()));
    CHECK(place.content() == kOld);

    REQUIRE(place.change(kChange, kNew.size(), mode));
    const auto time = fs::last_write_time(place.file);
    place.put(with(kNew, {{3 * kSector + 100, bytes("elsewhere")}}));
    fs::last_write_time(place.file, time);
    const Status status = undo(place.file, place.records());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Changed);
  }
}

TEST_CASE("a process that works on a file is not disturbed") {
  const Records place;
  place.put(kOld);
  REQUIRE(place.change(kChange, kNew.size(), WriteMode::Atomic));
  const Descriptor other(::open(place.file.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(flock(other.get(), LOCK_EX) == 0);
  for (const WriteMode mode : {WriteMode::Atomic, WriteMode::InPlace}) {
    const Status status = place.change({{0, bytes("B")}}, kNew.size(), mode);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Busy);
  }
  const Status status = undo(place.file, place.records());
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::Busy);
  CHECK(place.content() == kNew);
}

TEST_CASE("many files share one file of records, and are restored together or one by one") {
  const Records place;
  constexpr size_t kCount = 12;
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<FileSource>> sources;
  std::vector<WriteJob> jobs(kCount);
  for (size_t at = 0; at < kCount; ++at) {
    paths.push_back(place.file + std::to_string(at));
    std::ofstream(paths[at], std::ios::binary) << kOld << at;
    auto source = FileSource::open(paths[at]);
    REQUIRE(source);
    WriteJob& job = jobs[at];
    job.path = job.output = paths[at];
    job.ranges = std::span(kChange).first(3);
    job.newSize = (*source)->size();
    job.identity = (*source)->identity();
    job.mode = at % 2 == 0 ? WriteMode::Atomic : WriteMode::InPlace;
  }
  for (const Status& status : writeAll(jobs, {place.records()}))
    REQUIRE(status);
  CHECK(place.recordFiles() == kCount);
  for (const auto& entry : fs::directory_iterator(place.records()))
    CHECK(entry.hard_link_count() == kCount);

  REQUIRE(undo(paths[3], place.records()));
  std::vector<std::string> asked = paths;
  asked.push_back(place.file + "none");
  const std::vector<Status> answers = undoAll(asked, place.records());
  for (size_t at = 0; at < answers.size(); ++at) {
    CAPTURE(at);
    if (at == 3 || at == kCount) {
      REQUIRE_FALSE(answers[at]);
      CHECK(answers[at].error().code == ErrorCode::NoUndoRecord);
    } else {
      CHECK(answers[at]);
    }
    if (at == kCount) continue;
    std::ifstream stream(paths[at], std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    CHECK(content == kOld + std::to_string(at));
  }
  CHECK(place.recordFiles() == 0);
}

TEST_CASE("a damaged record is said to be damaged, whatever byte it is") {
  const Records place;
  place.put(kOld);
  REQUIRE(place.change(kChange, kNew.size(), WriteMode::InPlace));
  const std::string record = (*fs::directory_iterator(place.records())).path().string();
  std::ifstream stream(record, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(stream), {}};
  auto journal = Journal::open(place.records());
  REQUIRE(journal);
  const auto write = [&](const std::string& content) {
    std::ofstream(record, std::ios::binary) << content;
  };
  constexpr size_t kSettlement = 64;  // a record without it counts for less, but is still one
  constexpr size_t kBehind = kSettlement + 32;
  for (size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    write(bad);
    const auto loaded = journal->load(place.file);
    if (at >= kSettlement && at < kBehind) {
      REQUIRE(loaded);
      CHECK_FALSE(loaded->settled->settlement);
    } else {
      REQUIRE_FALSE(loaded);
      REQUIRE(loaded.error().code == ErrorCode::Malformed);
      REQUIRE(loaded.error().message.find("damaged") != std::string::npos);
    }
  }
  for (size_t size = 0; size < good.size(); ++size) {
    write(good.substr(0, size));
    REQUIRE_FALSE(journal->load(place.file));
  }
  write(good);
  REQUIRE(undo(place.file, place.records()));
  CHECK(place.content() == kOld);
}

TEST_CASE("a file that was moved is known by its content") {
  const Records place;
  const std::string moved = place.file + ".moved";
  const auto contentOf = [](const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  };
  for (const WriteMode mode : {WriteMode::Atomic, WriteMode::InPlace}) {
    place.put(kOld);
    REQUIRE(place.change(kChange, kNew.size(), mode));
    fs::rename(place.file, moved);
    auto found = recordedElsewhere({moved, place.file}, place.records());
    REQUIRE(found);
    CHECK(*found == std::vector{moved});
    REQUIRE(undo(moved, place.records()));
    CHECK(contentOf(moved) == kOld);
    CHECK(place.recordFiles() == 0);

    // With a copy, the first one keeps its record.
    place.put(kOld);
    REQUIRE(place.change(kChange, kNew.size(), WriteMode::Atomic));
    fs::copy_file(place.file, moved, fs::copy_options::overwrite_existing);
    REQUIRE(undo(moved, place.records()));
    CHECK(contentOf(moved) == kOld);
    CHECK(place.content() == kNew);
    REQUIRE(undo(place.file, place.records()));
    CHECK(place.content() == kOld);
    CHECK(place.recordFiles() == 0);

    // A process that writes to it makes it another file, however small the change is.
    REQUIRE(place.change(kChange, kNew.size(), mode));
    fs::rename(place.file, moved);
    const std::string foreign = with(kNew, {{3 * kSector + 100, bytes("?")}});
    std::ofstream(moved, std::ios::binary) << foreign;
    const Status status = undo(moved, place.records());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::NoUndoRecord);
    CHECK(contentOf(moved) == foreign);
    REQUIRE(forgetAll({place.file}, place.records(), Forget::Useless).front());
  }
}

TEST_CASE("two originals that became the same file are not mistaken for one another") {
  const Records place;
  const std::string other = place.file + ".other";
  const std::string moved = place.file + ".moved";
  const std::vector<ByteRange> change = {{0, bytes(sectors("x"))}};
  place.put(sectors("az"));
  std::ofstream(other, std::ios::binary) << sectors("bz");
  for (const std::string& path : {place.file, other}) {
    auto source = FileSource::open(path);
    REQUIRE(source);
    WriteJob job;
    job.path = job.output = path;
    job.ranges = change;
    job.newSize = 2 * kSector;
    job.identity = (*source)->identity();
    REQUIRE(writeAll({job}, {place.records()}).front());
  }
  fs::copy_file(other, moved);
  const Status status = undo(moved, place.records());
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::NoUndoRecord);
  CHECK(status.error().message.find("different originals") != std::string::npos);
  REQUIRE(undo(other, place.records()));
  REQUIRE(undo(place.file, place.records()));
  CHECK(place.content() == sectors("az"));
}

TEST_CASE("records that undo something are forgotten only when forced") {
  const Records place;
  const auto stateNow = [&] {
    auto files = recordedFiles(place.directory.string(), place.records());
    REQUIRE(files);
    REQUIRE(files->files.size() == 1);
    CHECK(files->files.front().path == place.file);
    return files->files.front().state;
  };
  const auto forget = [&](Forget which) {
    return static_cast<bool>(forgetAll({place.file}, place.records(), which).front());
  };
  place.put(kOld);
  place.begin(kChange, kNew.size());
  place.put(mixtures(kOld, kNew).at(9));
  CHECK(stateNow() == RecordedState::Interrupted);
  CHECK_FALSE(forget(Forget::Useless));
  REQUIRE(undo(place.file, place.records()));

  REQUIRE(place.change(kChange, kNew.size(), WriteMode::Atomic));
  CHECK(stateNow() == RecordedState::Fixed);
  CHECK_FALSE(forget(Forget::Useless));
  place.put("something else");
  CHECK(stateNow() == RecordedState::Changed);
  CHECK(forget(Forget::Useless));
  CHECK(place.recordFiles() == 0);

  place.put(kOld);
  REQUIRE(place.change(kChange, kNew.size(), WriteMode::Atomic));
  CHECK(forget(Forget::Any));
  CHECK(place.recordFiles() == 0);

  REQUIRE(place.change({{0, bytes("B")}}, kNew.size(), WriteMode::Atomic));
  fs::remove(place.file);
  CHECK(stateNow() == RecordedState::Gone);
  CHECK(forget(Forget::Useless));
  CHECK(place.recordFiles() == 0);
}
