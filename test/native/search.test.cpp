// Search inside files: however the bytes are examined, and wherever they are cut, the answer is the
// same; and whatever they are, there is one, soon, in bounded memory.
#include <doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "scan/compressed.hpp"
#include "scan/search.hpp"
#include "temporary_directory.hpp"

using namespace fixelf;
using namespace std::string_literals;

namespace {

const std::string kHash = "0123456789abcdfghijklmnpqrsvwxyz";
const std::string kOther = "zyxwvsrqpnmlkjihgfdcba9876543210";

class Scratch : public TemporaryDirectory {
 public:
  Scratch() : TemporaryDirectory("search") {}

  std::string file(const std::string& name, std::string_view content) const {
    std::string path = *this / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
};

SearchOptions optionsFor(const std::string& hashes = kHash) {
  SearchOptions options;
  options.hashes = HashSet(hashes);
  return options;
}

// Everything in an answer, a line for each item.
std::vector<std::string> linesOf(const Found& found) {
  std::vector<std::string> lines;
  for (const Mention& mention : found.answer.mentions) {
    lines.push_back(std::to_string(static_cast<int>(mention.kind)) + " " +
                    std::to_string(static_cast<int>(mention.spelling)) + " " + mention.text + " " +
                    std::to_string(mention.offset) + " " + std::to_string(mention.count));
  }
  for (const Compressed& compressed : found.answer.compressed) {
    lines.push_back("compressed " + std::to_string(static_cast<int>(compressed.kind)) + " " +
                    std::to_string(compressed.offset) + " " + std::to_string(compressed.count));
  }
  lines.push_back("more " + std::to_string(found.answer.moreMentions) + " " +
                  std::to_string(found.answer.moreCompressed));
  return lines;
}

std::vector<std::string> searchLines(const std::string& path, SearchOptions options) {
  auto found = search(path, std::move(options));
  REQUIRE(found);
  return linesOf(*found);
}

// "KIND SPELLING TEXT" of each mention.
std::vector<std::string> mentionsIn(std::string_view content, const std::string& hashes = kHash) {
  const Scratch scratch;
  auto found = search(scratch.file("f", content), optionsFor(hashes));
  REQUIRE(found);
  std::vector<std::string> texts;
  for (const Mention& mention : found->answer.mentions) {
    texts.push_back(std::to_string(static_cast<int>(mention.kind)) + " " +
                    std::to_string(static_cast<int>(mention.spelling)) + " " + mention.text);
  }
  return texts;
}

std::string withZeros(std::string_view text, bool bigEndian) {
  std::string wide;
  for (const char c : text) {
    if (bigEndian) wide += '\0';
    wide += c;
    if (!bigEndian) wide += '\0';
  }
  return wide;
}

// Random text made from what the search looks for, parts of it, and what may surround it.
std::string adversarial(std::mt19937& random, size_t size) {
  static const std::vector<std::string> pieces = {
      "/nix/store/",
      R"(\/nix\/store\/)",
      "%2Fnix%2fstore%2f",
      kHash,
      kOther,
      kHash.substr(0, 31),
      kHash.substr(0, 11) + "\n" + kHash.substr(11),
      kHash.substr(0, 11) + "\\\r\n  # " + kHash.substr(11, 9) + "\n" + kHash.substr(20),
      "-glibc-2.40",
      "-",
      "/lib/",
      withZeros("/nix/store/" + kHash + "-utf16-1", false),
      withZeros("/nix/store/" + kOther + "-utf16-1", true),
      "\0"s,
      "\""s,
      "lib",
      "libc",
      ".so",
      ".so.6",
      ".1.2",
      "ld-linux-x86-64",
      "/lib64/ld-linux-x86-64.so.2",
      "ld-musl-x86_64.so.1",
      "/usr/lib/ld.so.1",
      "=/",
      " ",
      "e/",
      "\n",
      "abc",
      "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0"s,
      "BZh91AY&SY",
      "\xff\xfe",
      "2f",
      "%2f",
  };
  std::string text;
  std::uniform_int_distribution<size_t> pick(0, pieces.size() - 1);
  std::uniform_int_distribution<int> byte(0, 255);
  while (text.size() < size) {
    const size_t choice = pick(random);
    text += pieces[choice];
    if (choice % 5 == 0) text += static_cast<char>(byte(random));
  }
  text.resize(size);
  return text;
}

std::string randomBytes(std::mt19937& random, size_t size) {
  std::uniform_int_distribution<int> byte(0, 255);
  std::string text(size, '\0');
  for (char& c : text)
    c = static_cast<char>(byte(random));
  return text;
}

Candidates allCandidates(InstructionSet set, const CandidateTables& tables,
                         const std::vector<uint8_t>& bytes, size_t from, size_t end,
                         std::vector<uint32_t>& fingerprints, std::vector<uint32_t>& runs) {
  Candidates found;
  while (from < end) {
    found.clear();
    const size_t next = findCandidates(set, tables, bytes.data(), from, end, found);
    REQUIRE(next > from);
    from = next;
    fingerprints.insert(
        fingerprints.end(), found.fingerprints.begin(),
        found.fingerprints.begin() + static_cast<ptrdiff_t>(found.fingerprintCount));
    runs.insert(runs.end(), found.runs.begin(),
                found.runs.begin() + static_cast<ptrdiff_t>(found.runCount));
  }
  return found;
}

}  // namespace

TEST_CASE("every instruction set finds all candidates, at every alignment and length") {
  std::mt19937 random(1);
  const Needles needles("/nix/store", HashSet());
  for (int round = 0; round < 40; ++round) {
    const std::string text = round % 2 == 0 ? adversarial(random, 700) : randomBytes(random, 700);
    for (size_t from = 0; from < 70; ++from) {
      const size_t end = 500 + from * 2;
      // Exactly as much as is promised to be readable, so that a sanitizer detects any read beyond.
      std::vector<uint8_t> bytes(text.begin(), text.begin() + static_cast<ptrdiff_t>(end));
      bytes.resize(end + kCandidateMargin, 0);
      std::vector<uint32_t> exact;
      std::vector<uint32_t> exactRuns;
      allCandidates(InstructionSet::Plain, needles.tables, bytes, from, end, exact, exactRuns);
      for (size_t at = from; at < end; at += 16) {
        const bool isRun = std::all_of(bytes.begin() + static_cast<ptrdiff_t>(at),
                                       bytes.begin() + static_cast<ptrdiff_t>(at) + 16, isBase32);
        CHECK(isRun == std::binary_search(exactRuns.begin(), exactRuns.end(), at));
      }
      for (const InstructionSet set : availableInstructionSets()) {
        std::vector<uint32_t> fingerprints;
        std::vector<uint32_t> runs;
        allCandidates(set, needles.tables, bytes, from, end, fingerprints, runs);
        CHECK(runs == exactRuns);
        CHECK(std::is_sorted(fingerprints.begin(), fingerprints.end()));
        CHECK(std::includes(fingerprints.begin(), fingerprints.end(), exact.begin(), exact.end()));
      }
    }
  }
}

TEST_CASE("candidates that fill the room are all handed out, in several turns") {
  const Needles needles("/nix/store", HashSet());
  for (const std::string& unit : {".so"s, "abcdabcdabcdabcd"s}) {
    std::vector<uint8_t> bytes;
    while (bytes.size() < 100'000)
      bytes.insert(bytes.end(), unit.begin(), unit.end());
    const size_t end = bytes.size();
    bytes.resize(end + kCandidateMargin, 0);
    for (const InstructionSet set : availableInstructionSets()) {
      std::vector<uint32_t> fingerprints;
      std::vector<uint32_t> runs;
      allCandidates(set, needles.tables, bytes, 0, end, fingerprints, runs);
      CHECK(fingerprints.size() + runs.size() == end / unit.size());
    }
  }
}

TEST_CASE("the answer does not depend on instruction set, windows or threads") {
  std::mt19937 random(2);
  const Scratch scratch;
  for (int round = 0; round < 12; ++round) {
    std::string text = adversarial(random, 20'000);
    if (round % 3 == 0) text += randomBytes(random, 20'000) + adversarial(random, 5'000);
    const std::string path = scratch.file("f", text);
    SearchOptions plain = optionsFor(kHash + kOther);
    plain.instructionSet = InstructionSet::Plain;
    const std::vector<std::string> expected = searchLines(path, std::move(plain));
    CHECK(expected.size() > 20);
    for (const InstructionSet set : availableInstructionSets()) {
      for (const size_t windowSize : {1U, 61U, 1000U, 4096U, 262144U}) {
        if (windowSize == 1 && round != 0) continue;
        SearchOptions options = optionsFor(kHash + kOther);
        options.instructionSet = set;
        options.windowSize = windowSize;
        CHECK(searchLines(path, std::move(options)) == expected);
      }
    }
  }
}

TEST_CASE("known hashes are found wherever Nix finds them") {
  std::mt19937 random(3);
  const Scratch scratch;
  for (int round = 0; round < 20; ++round) {
    const std::string text = adversarial(random, 10'000);
    // As libstore/references.cc: 32 bytes that are a known hash, anywhere.
    std::map<std::string, bool> expected = {{kHash, false}, {kOther, false}};
    for (auto& [hash, isThere] : expected)
      isThere = text.find(hash) != std::string::npos;
    auto found = search(scratch.file("f", text), optionsFor(kHash + kOther));
    REQUIRE(found);
    std::map<std::string, bool> met = {{kHash, false}, {kOther, false}};
    for (const Mention& mention : found->answer.mentions) {
      if (mention.spelling == Spelling::Utf16 || mention.spelling == Spelling::LineWrapped)
        continue;
      for (auto& [hash, isThere] : met)
        isThere = isThere || mention.text.find(hash) != std::string::npos;
    }
    CHECK(met == expected);
  }
}

TEST_CASE("store paths, in every spelling, at every offset") {
  const std::string plain = "/nix/store/" + kOther + "-glibc-2.40";
  struct Case {
    int spelling;
    std::string written;
  };
  const std::vector<Case> cases = {
      {0, plain},
      {1, R"(\/nix\/store\/)" + kOther + "-glibc-2.40"},
      {2, "%2Fnix%2Fstore%2F" + kOther + "-glibc-2.40"},
      {2, "%2fnix%2fstore%2f" + kOther + "-glibc-2.40"},
      {3, withZeros(plain, false)},
      {3, withZeros(plain, true)},
      {4, "/nix/store/" + kOther.substr(0, 5) + "\n" + kOther.substr(5) + "-glibc-2.40"},
      {4, "/nix/store/\n    " + kOther + "-glibc-2.40"},
      {4, "/nix/store/" + kOther.substr(0, 31) + "=\r\n" + kOther.substr(31) + "-glibc-2.40"},
      {4, "/nix/store/" + kOther.substr(0, 9) + "\" \\\n # \"" + kOther.substr(9, 9) + "\n" +
              kOther.substr(18) + "-glibc-2.40"},
  };
  const Scratch scratch;
  for (const Case& one : cases) {
    for (size_t offset = 0; offset < 80; ++offset) {
      const std::string path = scratch.file("f", std::string(offset, '|') + one.written + "|");
      SearchOptions options = optionsFor();
      options.windowSize = 37;
      auto found = search(path, std::move(options));
      REQUIRE(found);
      REQUIRE(found->answer.mentions.size() == 1);
      const Mention& mention = found->answer.mentions[0];
      CHECK(mention.kind == MentionKind::StorePath);
      CHECK(static_cast<int>(mention.spelling) == one.spelling);
      CHECK(mention.text == plain);
      CHECK(mention.offset - offset <= 1);  // the zero before a character of UTF-16
      CHECK(mention.count == 1);
    }
  }
}

TEST_CASE("what only looks like a store path") {
  CHECK(mentionsIn("/nix/store/" + kOther).empty());
  CHECK(mentionsIn("/nix/store/" + kOther + "-").empty());
  CHECK(mentionsIn("/nix/store/" + kOther.substr(1) + "-glibc").empty());
  CHECK(mentionsIn("/nix/stone/" + kOther + "-glibc").empty());
  CHECK(mentionsIn("/nix/store/" + kOther.substr(0, 9) + "\n" + kOther.substr(10) + "-x").empty());
  CHECK(mentionsIn("/nix/store/" + kOther.substr(0, 9) + " " + kOther.substr(9) + "-x").empty());
  CHECK(mentionsIn(kOther).empty());
  // A known hash counts in all of these.
  const std::vector<std::string> bare = {"1 0 " + kHash};
  CHECK(mentionsIn(kHash) == bare);
  CHECK(mentionsIn("xx" + kHash + "xx") == bare);
  CHECK(mentionsIn("/nix/store/" + kHash) == bare);
  CHECK(mentionsIn("/nix/stone/" + kHash + "-glibc") == bare);
}

TEST_CASE("names of libraries and loaders") {
  const auto of = [](const std::string& text) { return mentionsIn(text); };
  CHECK(of("\0libz.so.1\0"s) == std::vector<std::string>{"3 0 libz.so.1"});
  CHECK(of("libz.so") == std::vector<std::string>{"3 0 libz.so"});
  CHECK(of("dlopen(\"libGL.so.1\")") == std::vector<std::string>{"3 0 libGL.so.1"});
  CHECK(of("'libstdc++.so.6.0.30'") == std::vector<std::string>{"3 0 libstdc++.so.6.0.30"});
  CHECK(of("\0lib.so.something.so.2\0"s) == std::vector<std::string>{"3 0 lib.so.something.so.2"});
  for (const std::string& other :
       {"\0lib.so\0"s, "\0libz.so.\0"s, "\0libz.so.x\0"s, "\0xlibz.so\0"s, "cannot open libz.so.1"s,
        "/usr/lib/libz.so.1"s, "\0libz.so.1 \0"s, "\0libz.sox\0"s,
        "\0lib"s + std::string(260, 'a') + ".so\0"s}) {
    CHECK(of(other).empty());
  }
  CHECK(of("/lib64/ld-linux-x86-64.so.2\0"s) ==
        std::vector<std::string>{"2 0 /lib64/ld-linux-x86-64.so.2"});
  CHECK(of("%{m64:/lib64/ld-linux-x86-64.so.2}") ==
        std::vector<std::string>{"2 0 /lib64/ld-linux-x86-64.so.2"});
  CHECK(of("--dynamic-linker=/lib/ld-musl-x86_64.so.1 ") ==
        std::vector<std::string>{"2 0 /lib/ld-musl-x86_64.so.1"});
  CHECK(of(" ld64.so.2 ") == std::vector<std::string>{"2 0 ld64.so.2"});
  CHECK(of(" /usr/lib/ld.so.1 ") == std::vector<std::string>{"2 0 /usr/lib/ld.so.1"});
  CHECK(of("/etc/ld.so.cache /etc/ld.so.conf ld-linux.so ld-musl-x86_64.so.2 ld.so.1/x").empty());
}

TEST_CASE("headers of compressed data, and what only begins like them") {
  const auto kindOf = [](std::string bytes, uint64_t left = 1 << 20) {
    bytes.resize(std::max<size_t>(bytes.size(), 100), 'x');
    return recognise(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), left);
  };
  CHECK(kindOf("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0"s) == Compression::Gzip);
  CHECK(kindOf("\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0\x03\0"s) == Compression::Gzip);
  CHECK(!kindOf("\x1f\x8b\x08\xe0\0\0\0\0\0\x03\x03\0"s));      // reserved flags
  CHECK(!kindOf("\x1f\x8b\x08\0\0\0\0\0\0\x63\x03\0"s));        // no such system
  CHECK(!kindOf("\x1f\x8b\x08\0\0\0\0\0\0\x03\x07\0"s));        // no such block
  CHECK(!kindOf("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\1\0\1\0"s));  // a stored block's lengths disagree
  CHECK(kindOf("\xfd"
               "7zXZ\0\0\x04\xe6\xd6\xb4\x46"s) == Compression::Xz);
  CHECK(
      !kindOf("\xfd"
              "7zXZ\0\0\x04\xe6\xd6\xb4\x47"s));
  CHECK(kindOf("BZh91AY&SY") == Compression::Bzip2);
  CHECK(!kindOf("BZh91AY&SX"));
  CHECK(!kindOf("BZh01AY&SY"));
  const std::string member =
      "PK\3\4\x14\0\0\0\x08\0\0\0\x21\x58\1\2\3\4\x10\0\0\0\x20\0\0\0\4\0\0\0name"s;
  CHECK(kindOf(member) == Compression::Zip);
  CHECK(!kindOf(member, 40));  // larger than what is left
  std::string stored = member;
  stored[8] = 0;
  CHECK(!kindOf(stored));
  std::string unprintable = member;
  unprintable[31] = 1;
  CHECK(!kindOf(unprintable));
  std::string super(96, '\0');
  super.replace(0, 4, "hsqs");
  super[14] = 2;   // blocks of 128 KiB
  super[20] = 1;   // gzip
  super[22] = 17;  // 2^17
  super[28] = 4;
  super[41] = 1;  // 256 bytes
  CHECK(kindOf(super) == Compression::Squashfs);
  CHECK(!kindOf(super, 255));
  super[22] = 16;
  CHECK(!kindOf(super));
}

TEST_CASE("Zstandard frames are followed from block to block") {
  const Scratch scratch;
  const auto isFrame = [&](const std::string& bytes) {
    const std::string path = scratch.file("z", bytes);
    const int descriptor = ::open(path.c_str(), O_RDONLY);
    const bool answer = isZstdFrame(descriptor, bytes.size(), 0);
    ::close(descriptor);
    return answer;
  };
  const std::string magic = "\x28\xb5\x2f\xfd"s;
  // One segment of 5 bytes in a last, raw block.
  CHECK(isFrame(magic + "\x20\x05\x29\0\0hello"s));
  CHECK(!isFrame(magic + "\x20\x05\x29\0\0hell"s));              // it ends too early
  CHECK(!isFrame(magic + "\x28\x05\x29\0\0hello"s));             // a reserved bit
  CHECK(!isFrame(magic + "\x20\x05\x2f\0\0hello"s));             // no such kind of block
  CHECK(!isFrame(magic + "\x20\x05\x28\0\0helloXYZ\xff\xff"s));  // what follows is not a block
  CHECK(!isFrame(magic + std::string(1000, '\0')));
  // What x86 compilers make of "is it the magic number?".
  CHECK(!isFrame(magic + "\x0f\x84\xb2\0\0\0\x48\x89\xdf\xe8\x01\x02\x03\x04"s));
  CHECK(!isFrame(magic + "\x74\x1b\x48\x8b\x45\xf8\x64\x48\x2b\x04\x25\x28\0\0\0"s));
}

TEST_CASE("too many different things are counted, and the first ones kept") {
  std::string text;
  uint64_t number = 0;
  std::mt19937 random(4);
  while (text.size() < 12 << 20) {
    std::string hash = kOther;
    hash.replace(0, 8, std::to_string(10'000'000 + number++));
    text += "/nix/store/" + hash + "-a\n";
  }
  const Scratch scratch;
  const std::string path = scratch.file("f", text);
  std::vector<std::string> expected;
  for (const unsigned threads : {1U, 2U, 5U}) {
    SearchOptions options = optionsFor();
    options.limits.mentions = 1000;
    options.threads = threads;
    auto found = search(path, std::move(options));
    REQUIRE(found);
    REQUIRE(found->answer.mentions.size() == 1000);
    CHECK(found->answer.moreMentions == number - 1000);
    std::vector<std::string> lines = linesOf(*found);
    if (expected.empty()) expected = lines;
    CHECK(lines == expected);
    CHECK(found->answer.mentions.back().text.find("10000999") != std::string::npos);
  }
}

TEST_CASE("hostile bytes take no more than their share of time") {
  const Scratch scratch;
  const auto repeated = [](const std::string& unit) {
    std::string text;
    while (text.size() < 4 << 20)
      text += unit;
    return text;
  };
  for (const std::string& text :
       {repeated(".so"), repeated("/ld.so.1"), repeated("lib.so.1\0"s), repeated("a"),
        repeated("/nix/store/"), repeated(R"(\/nix\/store\/)" + kHash), repeated(kHash),
        repeated(R"(\)"), repeated("/nix/store/a\n"), repeated("e/\n"), repeated("PK\3"),
        repeated("\x28\xb5\x2f\xfd\x20\x05\x28\0\0hello"s), repeated("e\0/\0"s),
        repeated("/ld-linux.so.2"), repeated("\x1f\x8b\x08\x10\0\0\0\0\0\x03"s)}) {
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(search(scratch.file("f", text), optionsFor()));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  }
}

TEST_CASE("a file that is truncated while it is searched gives an error") {
  const Scratch scratch;
  // Slow on purpose: byte by byte, on one thread.
  bool changed = false;
  for (int attempt = 0; attempt < 50 && !changed; ++attempt) {
    const std::string path = scratch.file("f", std::string(48 << 20, 'x'));
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      REQUIRE(truncate(path.c_str(), 4096) == 0);
    });
    SearchOptions options = optionsFor();
    options.instructionSet = InstructionSet::Plain;
    options.threads = 1;
    auto found = search(path, std::move(options));
    other.join();
    // It may have been over before, or not have begun.
    if (found) continue;
    changed = true;
    CHECK(found.error().code == ErrorCode::Changed);
    CHECK(found.error().path == path);
  }
  CHECK(changed);
}

TEST_CASE("a search can be ended") {
  const Scratch scratch;
  const std::string path = scratch.file("f", std::string(16 << 20, 'x'));
  std::stop_source source;
  source.request_stop();
  SearchOptions options = optionsFor();
  options.stop = source.get_token();
  auto found = search(path, std::move(options));
  REQUIRE(!found);
  CHECK(found.error().code == ErrorCode::Cancelled);
}

TEST_CASE("holes cost nothing") {
  const Scratch scratch;
  const std::string path = scratch.file("f", "/nix/store/" + kOther + "-first\n");
  constexpr off_t kFar = off_t{1} << 42;
  const int descriptor = ::open(path.c_str(), O_RDWR);
  const std::string last = "/nix/store/" + kOther + "-last\n";
  const bool large = pwrite(descriptor, last.data(), last.size(), kFar) > 0;
  ::close(descriptor);
  if (!large) return;  // some file systems have no files of that size
  auto found = search(path, optionsFor());
  REQUIRE(found);
  REQUIRE(found->answer.mentions.size() == 2);
  CHECK(found->answer.mentions[1].offset == static_cast<uint64_t>(kFar));
}

TEST_CASE("a directory: contents, names and the targets of links") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path() + "/deep");
  scratch.file("deep/" + kHash + ".txt", "nothing");
  scratch.file("content", "xx" + kOther);
  std::filesystem::create_symlink("/nix/store/" + kHash + "-x/bin", scratch.path() + "/link");
  REQUIRE(mkfifo((scratch.path() + "/fifo").c_str(), 0600) == 0);
  auto found = search(scratch.path(), optionsFor(kHash + kOther));
  REQUIRE(found);
  CHECK(found->files == 2);
  CHECK(found->failures.empty());
  REQUIRE(found->answer.mentions.size() == 3);
  const auto& mentions = found->answer.mentions;
  CHECK(mentions[0].place == Place::Content);
  CHECK(*mentions[0].path == scratch.path() + "/content");
  CHECK(mentions[1].place == Place::LinkTarget);
  CHECK(mentions[1].text == "/nix/store/" + kHash + "-x");
  CHECK(mentions[2].place == Place::FileName);

  auto fifo = search(scratch.path() + "/fifo", optionsFor());
  REQUIRE(!fifo);
  CHECK(fifo.error().code == ErrorCode::NotRegular);
  auto none = search(scratch.path() + "/none", optionsFor());
  REQUIRE(!none);
  CHECK(none.error().code == ErrorCode::NotFound);
}
