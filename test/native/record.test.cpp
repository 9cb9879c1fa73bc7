// Records of changes that a crash interrupted half-way.
#include "patch/record.hpp"

#include <doctest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>

#include <iterator>

#include "patch/undo.hpp"

namespace {

namespace fs = std::filesystem;
using namespace fixelf;

struct HalfWritten {
  HalfWritten()
      : directory(fs::temp_directory_path() / ("fixelf-record-" + std::to_string(getpid()))) {
    fs::create_directories(directory / "undo");
    file = (directory / "file").string();
    Record record;
    record.path = file;
    record.originalSize = 8;
    record.original = {{2, {'c', 'd'}}};
    record.fixedSize = 12;
    record.fixed = {{2, {'X', 'Y'}}, {8, {'n', 'e', 'w', '!'}}};
    record.pending = true;
    REQUIRE(storeRecord(records(), record));
  }
  ~HalfWritten() { fs::remove_all(directory); }
  HalfWritten(const HalfWritten&) = delete;
  HalfWritten& operator=(const HalfWritten&) = delete;

  [[nodiscard]] std::string records() const { return (directory / "undo").string(); }
  void put(const std::string& content) const { std::ofstream(file, std::ios::binary) << content; }
  [[nodiscard]] std::string content() const {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  fs::path directory;
  std::string file;
};

}  // namespace

TEST_CASE("undo mends whatever a crash in the middle of an in-place change leaves") {
  const HalfWritten half;
  const std::string zeros(4, '\0');
  for (const std::string& left :
       {std::string("abcdefgh"), "abcdefgh" + zeros, "abXdefgh" + zeros,
        std::string("abXYefghnew!"), std::string("abcYefghne") + '\0' + "!"}) {
    CAPTURE(left);
    half.put(left);
    const auto record = loadRecord(half.records(), half.file);
    REQUIRE(record);
    REQUIRE(undo(half.file, half.records()));
    CHECK(half.content() == "abcdefgh");
    REQUIRE(storeRecord(half.records(), *record));
  }
}

TEST_CASE("undo refuses an interrupted change that somebody else wrote into") {
  const HalfWritten half;
  for (const std::string& left : {std::string("abZdefgh"), std::string("abXYefghnew?"),
                                  std::string("abXYefghnew!more"), std::string("abX")}) {
    CAPTURE(left);
    half.put(left);
    const Status status = undo(half.file, half.records());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Changed);
    CHECK(half.content() == left);
  }
}
