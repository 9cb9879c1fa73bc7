// Untrusted files: whatever the bytes are, there is an answer, and soon.
#include <doctest.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <functional>

#include "claimed_source.hpp"
#include "contents.hpp"
#include "elf/facts.hpp"
#include "patch/edits.hpp"

using namespace fixelf;

namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint8_t kValues[] = {0x00, 0xff, 0x7f, 0x01, 0x80};

// A library with names, versions and notes, small enough to be cut at every length.
class Made {
 public:
  explicit Made(Class fileClass = Class::Elf64, ByteOrder order = ByteOrder::Little)
      : codec_(fileClass, order), strings_(1, '\0') {
    bytes_.resize(kTable, 0);
    std::memcpy(bytes_.data(), ELFMAG, SELFMAG);
    bytes_[EI_CLASS] = static_cast<uint8_t>(fileClass);
    bytes_[EI_DATA] = static_cast<uint8_t>(order);
    bytes_[EI_VERSION] = EV_CURRENT;
    codec_.putU16(&bytes_[16], ET_DYN);
    codec_.putU16(&bytes_[18], EM_X86_64);
    codec_.putU32(&bytes_[20], EV_CURRENT);
    codec_.putU16(&bytes_[24 + 3 * codec_.wordSize() + 4],
                  static_cast<uint16_t>(codec_.fileHeaderSize()));
    codec_.putU16(&bytes_[24 + 3 * codec_.wordSize() + 6],
                  static_cast<uint16_t>(codec_.programHeaderSize()));
  }

  uint32_t name(const std::string& text) {
    const size_t at = strings_.size();
    strings_.append(text).push_back('\0');
    return static_cast<uint32_t>(at);
  }
  void entry(int64_t tag, uint64_t value) { entries_.push_back({tag, value}); }
  // Bytes that are mapped; returns their address.
  uint64_t add(const Bytes& bytes) {
    extra_.insert(extra_.end(), bytes.begin(), bytes.end());
    return kExtra + extra_.size() - bytes.size();
  }
  void segment(const ProgramHeader& header) { segments_.push_back(header); }
  void withoutEnd() { end_ = false; }
  [[nodiscard]] const Codec& codec() const { return codec_; }
  [[nodiscard]] static uint64_t nextAddress() { return kExtra; }

  Bytes build() {
    bytes_.resize(kExtra, 0);
    bytes_.insert(bytes_.end(), extra_.begin(), extra_.end());
    const uint64_t strings = bytes_.size();
    bytes_.insert(bytes_.end(), strings_.begin(), strings_.end());
    entry(DT_STRTAB, strings);
    entry(DT_STRSZ, strings_.size());
    bytes_.resize(static_cast<size_t>(alignUp(bytes_.size(), 16)), 0);
    const uint64_t table = bytes_.size();
    if (end_) entry(DT_NULL, 0);
    const size_t size = codec_.dynamicEntrySize();
    bytes_.resize(bytes_.size() + entries_.size() * size);
    for (size_t index = 0; index < entries_.size(); ++index) {
      codec_.put(std::span(bytes_).subspan(static_cast<size_t>(table) + index * size, size),
                 entries_[index]);
    }
    const uint64_t tableSize = entries_.size() * size;
    segments_.insert(segments_.begin(),
                     {PT_DYNAMIC, PF_R, table, table, table, tableSize, tableSize, 8});
    segments_.insert(segments_.begin(),
                     {PT_LOAD, PF_R, 0, 0, 0, bytes_.size(), bytes_.size(), 4096});
    for (size_t index = 0; index < segments_.size(); ++index) {
      codec_.put(std::span(bytes_).subspan(kTable + index * codec_.programHeaderSize(),
                                           codec_.programHeaderSize()),
                 segments_[index]);
    }
    FileHeader header;
    header.programHeaderOffset = kTable;
    header.programHeaderCount = static_cast<uint16_t>(segments_.size());
    codec_.put(bytes_, header);
    return bytes_;
  }

 private:
  static constexpr uint64_t kTable = 64;
  static constexpr uint64_t kExtra = 1024;
  Codec codec_;
  Bytes bytes_;
  Bytes extra_;
  std::string strings_;
  std::vector<DynamicEntry> entries_;
  std::vector<ProgramHeader> segments_;
  bool end_ = true;
};

Bytes ordinary(Class fileClass = Class::Elf64, ByteOrder order = ByteOrder::Little) {
  Made made(fileClass, order);
  made.entry(DT_NEEDED, made.name("libone.so.1"));
  made.entry(DT_NEEDED, made.name("libtwo.so.2"));
  made.entry(DT_SONAME, made.name("libself.so"));
  made.entry(DT_RUNPATH, made.name("/opt/lib:/opt/lib64"));
  Bytes need(32, 0);
  const Codec& codec = made.codec();
  codec.putU16(&need[0], 1);
  codec.putU16(&need[2], 1);
  codec.putU32(&need[4], made.name("libone.so.1"));
  codec.putU32(&need[8], 16);
  codec.putU32(&need[24], made.name("ONE_1.0"));
  made.entry(DT_VERNEED, made.add(need));
  made.entry(DT_VERNEEDNUM, 1);
  Bytes symbols(2 * codec.symbolSize(), 0);
  codec.putU32(&symbols[codec.symbolSize()], made.name("function"));
  made.entry(DT_SYMTAB, made.add(symbols));
  Bytes hash(20, 0);
  codec.putU32(&hash[0], 1);
  codec.putU32(&hash[4], 2);
  made.entry(DT_HASH, made.add(hash));
  Bytes gnuHash(16 + codec.wordSize() + 8, 0);
  codec.putU32(&gnuHash[0], 1);
  codec.putU32(&gnuHash[4], 1);
  codec.putU32(&gnuHash[8], 1);
  codec.putU32(&gnuHash[16 + codec.wordSize()], 1);
  codec.putU32(&gnuHash[20 + codec.wordSize()], 1);
  made.entry(DT_GNU_HASH, made.add(gnuHash));
  Bytes versions(4, 0);
  codec.putU16(&versions[2], 2);
  made.entry(DT_VERSYM, made.add(versions));
  return made.build();
}

Edits anyEdits(bool interpreter) {
  Edits edits;
  if (interpreter) edits.interpreter = "/an/interpreter/" + std::string(300, 'i');
  edits.searchPath = Edits::SearchPath{"/a/search/path/" + std::string(300, 's'), {}};
  return edits;
}

// Each kind of edit by itself, since a refused one keeps the others from being tried.
std::vector<Edits> eachEdit() {
  std::vector<Edits> all(10);
  all[0] = anyEdits(true);
  all[1] = anyEdits(false);
  all[2].soname = "libother.so." + std::string(100, '1');
  all[3].removeNeeded = {"libone.so.1", "libc.so.6"};
  all[4].replaceNeeded = {{"libone.so.1", "libthree.so.3"}, {"libc.so.6", "libthree.so.3"}};
  all[5].addNeeded = {"libfour.so.4", "libfive.so.5"};
  all[5].noDefaultLibraries = all[5].debugEntry = true;
  all[5].osAbi = ELFOSABI_FREEBSD;
  all[6].executableStack = true;
  all[6].pageSize = 1U << 16;
  all[7].clearSymbolVersions = {"function", "__libc_start_main", "stdout"};
  all[8].renameSymbols = {{"function", "another_function"}, {"stdout", "stdin"}, {"exit", "leave"}};
  all[9].resolutionCache = std::vector<uint8_t>(50, 'c');
  return all;
}

// Reads and plans; the answers must be in order whatever they are. With `only`, one kind of edit,
// where all of them would take minutes for each of thousands of files.
void face(const Bytes& bytes, std::optional<size_t> only = {}) {
  const MemorySource source(bytes);
  const auto facts = readFacts(source, "hostile");
  if (!facts) {
    CHECK(facts.error().path == "hostile");
    CHECK_FALSE(facts.error().message.empty());
  }
  std::vector<Edits> tried = eachEdit();
  if (only) tried = {tried[*only % tried.size()]};
  for (const Edits& edits : tried) {
    const auto layout = layOut(source, edits);
    if (!layout) {
      CHECK_FALSE(layout.error().message.empty());
      continue;
    }
    uint64_t end = 0;
    for (const ByteRange& range : layout->ranges) {
      CHECK(range.offset >= end);
      end = range.end();
    }
    CHECK(end <= layout->newSize);
    CHECK(layout->newSize >= layout->oldSize);
    CHECK(layout->newSize - layout->oldSize < (32U << 20));
  }
}

Result<Facts> factsOf(const Bytes& bytes) {
  return readFacts(MemorySource(bytes), "hostile");
}

ErrorCode codeOf(const Bytes& bytes) {
  const auto facts = factsOf(bytes);
  REQUIRE_FALSE(facts);
  return facts.error().code;
}

// One note, padded to 4 bytes.
Bytes note(const Codec& codec, const std::string& owner, uint32_t type, const Bytes& descriptor) {
  Bytes bytes(12, 0);
  codec.putU32(&bytes[0], static_cast<uint32_t>(owner.size() + 1));
  codec.putU32(&bytes[4], static_cast<uint32_t>(descriptor.size()));
  codec.putU32(&bytes[8], type);
  bytes.insert(bytes.end(), owner.c_str(), owner.c_str() + owner.size() + 1);
  bytes.resize(static_cast<size_t>(alignUp(bytes.size(), 4)), 0);
  bytes.insert(bytes.end(), descriptor.begin(), descriptor.end());
  bytes.resize(static_cast<size_t>(alignUp(bytes.size(), 4)), 0);
  return bytes;
}

// Fails a test that takes longer than any answer may, in processor time, since the clock means
// nothing on a busy machine.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { CHECK((std::clock() - start_) / CLOCKS_PER_SEC < 20); }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace

TEST_CASE("no ELF file at all") {
  CHECK(codeOf({}) == ErrorCode::NotElf);
  CHECK(codeOf({0x7f}) == ErrorCode::NotElf);
  CHECK(codeOf({'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h', '\n'}) == ErrorCode::NotElf);
  CHECK(codeOf({0x7f, 'E', 'L', 'F'}) == ErrorCode::Truncated);
  CHECK(codeOf(Bytes(100, 0)) == ErrorCode::NotElf);
  Bytes filled(5000, 0xff);
  std::memcpy(filled.data(), ELFMAG, SELFMAG);
  CHECK(codeOf(filled) == ErrorCode::Malformed);
}

TEST_CASE("an ordinary file of every class and byte order") {
  for (const Class fileClass : {Class::Elf32, Class::Elf64}) {
    for (const ByteOrder order : {ByteOrder::Little, ByteOrder::Big}) {
      const Bytes bytes = ordinary(fileClass, order);
      const auto facts = factsOf(bytes);
      REQUIRE_MESSAGE(facts, (facts ? "" : facts.error().message));
      CHECK(facts->header.fileClass == fileClass);
      CHECK(facts->header.byteOrder == order);
      CHECK(facts->needed == std::vector<std::string>{"libone.so.1", "libtwo.so.2"});
      CHECK(facts->soname == "libself.so");
      CHECK(facts->runpath == "/opt/lib:/opt/lib64");
      REQUIRE(facts->versionsNeeded.size() == 1);
      CHECK(facts->versionsNeeded[0].versions[0].name == "ONE_1.0");
      const std::vector<Edits> all = eachEdit();
      // The first changes an interpreter, which the file lacks.
      for (auto edits = all.begin() + 1; edits != all.end(); ++edits) {
        const auto layout = layOut(MemorySource(bytes), *edits);
        CHECK_MESSAGE(layout, (layout ? "" : layout.error().message));
        CHECK(!layout->empty());
      }
    }
  }
}

TEST_CASE("cut at every length") {
  const Watch watch;
  const Bytes bytes = ordinary();
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(factsOf(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size))));
  }
  // A file made by a linker: cut within the section headers, it is still good enough for the
  // loader.
  const Bytes real = contents("/bin/true");
  REQUIRE(real.size() > 1000);
  for (size_t size = 0; size < real.size(); size += size < 4096 ? 1 : 61) {
    const MemorySource source(Bytes(real.begin(), real.begin() + static_cast<ptrdiff_t>(size)));
    (void)readFacts(source, "cut");
    const std::vector<Edits> all = eachEdit();
    (void)layOut(source, all[size % all.size()]);
  }
}

TEST_CASE("every byte of the headers replaced") {
  const Watch watch;
  size_t turn = 0;
  for (const Bytes& bytes : {contents("/bin/true"), ordinary(), ordinary(Class::Elf32),
                             ordinary(Class::Elf64, ByteOrder::Big)}) {
    Bytes changed = bytes;
    for (size_t at = 0; at < std::min<size_t>(changed.size(), 1024); ++at) {
      for (const uint8_t value : kValues) {
        changed[at] = value;
        CAPTURE(at);
        CAPTURE(int{value});
        face(changed, turn++);
      }
      changed[at] = bytes[at];
    }
  }
}

TEST_CASE("every byte of the tables replaced") {
  const Watch watch;
  const Bytes bytes = ordinary();
  Bytes changed = bytes;
  size_t turn = 0;
  for (size_t at = 1024; at < changed.size(); ++at) {
    // Each byte is combined with each edit.
    for (size_t edit = 0; edit < eachEdit().size(); ++edit) {
      changed[at] = kValues[turn++ % std::size(kValues)];
      CAPTURE(at);
      face(changed, edit);
    }
    changed[at] = bytes[at];
  }
}

TEST_CASE("headers that lie") {
  Bytes bytes = ordinary();
  const Codec codec(Class::Elf64, ByteOrder::Little);
  SUBCASE("65535 program headers") {
    codec.putU16(&bytes[56], 65535);
    CHECK(codeOf(bytes) == ErrorCode::Malformed);
  }
  SUBCASE("program headers behind the file's end") {
    codec.putU64(&bytes[32], bytes.size() - 8);
    CHECK(codeOf(bytes) == ErrorCode::Truncated);
    codec.putU64(&bytes[32], UINT64_MAX - 8);
    CHECK(codeOf(bytes) == ErrorCode::Truncated);
  }
  SUBCASE("a segment outside the file") {
    codec.putU64(&bytes[64 + 8], bytes.size());
    CHECK(codeOf(bytes) == ErrorCode::Truncated);
    codec.putU64(&bytes[64 + 8], UINT64_MAX - 8);
    CHECK(codeOf(bytes) == ErrorCode::Malformed);
  }
  SUBCASE("65535 sections, and more than that") {
    codec.putU16(&bytes[58], 64);
    codec.putU64(&bytes[40], 64);
    codec.putU16(&bytes[60], 65535);
    CHECK(factsOf(bytes));
    codec.putU16(&bytes[60], 0);
    CHECK(factsOf(bytes));
  }
  face(bytes);
}

TEST_CASE("tables that lie") {
  const Watch watch;
  Made made;
  SUBCASE("a need outside the string table") {
    made.entry(DT_NEEDED, 1U << 20);
    const Bytes bytes = made.build();
    CHECK(codeOf(bytes) == ErrorCode::Malformed);
    face(bytes);
  }
  SUBCASE("a need at the end of all numbers") {
    made.entry(DT_NEEDED, UINT64_MAX);
    CHECK(codeOf(made.build()) == ErrorCode::Malformed);
  }
  SUBCASE("no DT_NULL") {
    made.entry(DT_NEEDED, made.name("libone.so"));
    made.withoutEnd();
    const Bytes bytes = made.build();
    CHECK(codeOf(bytes) == ErrorCode::Malformed);
    face(bytes);
  }
  SUBCASE("a name 10,000 times that is very long") {
    const uint32_t name = made.name(std::string(1U << 20, 'n'));
    for (int count = 0; count < 10'000; ++count)
      made.entry(DT_NEEDED, name);
    const Bytes bytes = made.build();
    CHECK(codeOf(bytes) == ErrorCode::LimitExceeded);
    face(bytes);
  }
  SUBCASE("a name longer than any") {
    made.entry(DT_NEEDED, made.name(std::string(5U << 20, 'n')));
    CHECK(codeOf(made.build()) == ErrorCode::LimitExceeded);
  }
  SUBCASE("a symbol count beyond the file") {
    Bytes hash(16, 0xff);
    made.entry(DT_HASH, made.add(hash));
    made.entry(DT_SYMTAB, Made::nextAddress());
    made.entry(DT_RUNPATH, made.name("/lib"));
    face(made.build());
  }
  SUBCASE("a GNU hash table of endless chains") {
    Bytes hash(64, 0);
    made.codec().putU32(&hash[0], 4);
    hash[16 + 3] = 0x7f;
    made.entry(DT_GNU_HASH, made.add(hash));
    made.entry(DT_SYMTAB, Made::nextAddress());
    face(made.build());
  }
}

// Facts show what glibc and musl do with contradictory headers; no edit is tried.
TEST_CASE("headers that occur twice, and dynamic tables that are not where they should be") {
  const Bytes bytes = ordinary();
  const auto image = Image::read(MemorySource(bytes));
  REQUIRE(image);
  const Codec& codec = image->codec;
  const ProgramHeader dynamic = *image->segment(PT_DYNAMIC);
  // The file with these headers behind its PT_LOAD, and a second table that has only a soname.
  const auto with = [&](std::vector<ProgramHeader> headers) {
    Bytes changed = bytes;
    const uint64_t size = codec.programHeaderSize();
    REQUIRE(image->header.programHeaderOffset + (1 + headers.size()) * size <= 512);
    FileHeader header = image->header;
    header.programHeaderCount = static_cast<uint16_t>(1 + headers.size());
    codec.put(changed, header);
    for (size_t index = 0; index < headers.size(); ++index) {
      codec.put(std::span(changed).subspan(header.programHeaderOffset + (1 + index) * size, size),
                headers[index]);
    }
    const DynamicEntry small[] = {{DT_STRTAB, *image->dynamicValue(DT_STRTAB)},
                                  {DT_STRSZ, *image->dynamicValue(DT_STRSZ)},
                                  {DT_SONAME, 1},
                                  {DT_NULL, 0}};
    for (size_t index = 0; index < std::size(small); ++index)
      codec.put(std::span(changed).subspan(512 + index * 16, 16), small[index]);
    return changed;
  };
  const auto refusal = [&](const Bytes& changed) -> std::string {
    const auto layout = layOut(MemorySource(changed), anyEdits(false));
    REQUIRE_FALSE(layout);
    return layout.error().message;
  };
  const ProgramHeader other{PT_DYNAMIC, PF_R, 512, 512, 512, 64, 64, 8};
  SUBCASE("two PT_DYNAMIC: the last counts") {
    auto facts = factsOf(with({other, dynamic}));
    REQUIRE(facts);
    CHECK(facts->needed.size() == 2);
    facts = factsOf(with({dynamic, other}));
    REQUIRE(facts);
    CHECK(facts->needed.empty());
    CHECK(facts->soname);
    CHECK(refusal(with({other, dynamic})).find("PT_DYNAMIC") != std::string::npos);
    CHECK(refusal(with({dynamic, other})).find("PT_DYNAMIC") != std::string::npos);
  }
  SUBCASE("an offset of another place than the address: loaders take the address") {
    ProgramHeader elsewhere = dynamic;
    elsewhere.offset = other.offset;
    const Bytes changed = with({elsewhere});
    const auto facts = factsOf(changed);
    REQUIRE(facts);
    CHECK(facts->needed.size() == 2);
    CHECK(refusal(changed).find("different places") != std::string::npos);
  }
  SUBCASE("one without bytes does not count") {
    ProgramHeader empty = other;
    empty.fileSize = 0;
    const auto facts = factsOf(with({dynamic, empty}));
    REQUIRE(facts);
    CHECK(facts->needed.size() == 2);
  }
  SUBCASE("one that is short: loaders read on to DT_NULL") {
    ProgramHeader cut = dynamic;
    for (const uint64_t size : {uint64_t{16}, dynamic.fileSize - 16, uint64_t{1}}) {
      cut.fileSize = cut.memorySize = size;
      const auto facts = factsOf(with({cut}));
      REQUIRE_MESSAGE(facts, (facts ? "" : facts.error().message));
      CHECK(facts->runpath == "/opt/lib:/opt/lib64");
      CHECK(facts->needed.size() == 2);
      if (size >= 16) CHECK(refusal(with({cut})).find("goes on behind") != std::string::npos);
    }
  }
  SUBCASE("one that no segment maps") {
    ProgramHeader away = dynamic;
    away.virtualAddress += 1U << 30;
    const auto facts = factsOf(with({away}));
    REQUIRE_FALSE(facts);
    CHECK(facts.error().code == ErrorCode::Malformed);
    CHECK(facts.error().message.find("no segment maps") != std::string::npos);
  }
  SUBCASE("two PT_INTERP: the kernel takes the first") {
    Bytes changed = with({dynamic,
                          {PT_INTERP, PF_R, 600, 600, 600, 5, 5, 1},
                          {PT_INTERP, PF_R, 590, 590, 590, 5, 5, 1}});
    std::memcpy(&changed[600], "/one", 5);
    std::memcpy(&changed[590], "/two", 5);
    const auto facts = factsOf(changed);
    REQUIRE(facts);
    CHECK(facts->interpreter == "/one");
    CHECK(refusal(changed).find("PT_INTERP") != std::string::npos);
  }
  SUBCASE("two PT_GNU_STACK: the last counts, and is changed") {
    const ProgramHeader stack{PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
    ProgramHeader executable = stack;
    executable.flags |= PF_X;
    const Bytes changed = with({dynamic, stack, executable});
    const auto facts = factsOf(changed);
    REQUIRE(facts);
    CHECK(facts->executableStack == true);
    Edits edits;
    edits.executableStack = false;
    const auto layout = layOut(MemorySource(changed), edits);
    REQUIRE(layout);
    CHECK(layout->bytes() == 1);
  }
}

// Found by fuzzing: after an edit a table may be where the program headers are.
TEST_CASE("what a file says already can be asked of it, wherever its tables are") {
  Made made;
  made.entry(DT_RUNPATH, made.name("/opt/lib"));
  Bytes hash(20, 0);
  made.codec().putU32(&hash[0], 1);
  made.codec().putU32(&hash[4], 2);
  made.entry(DT_HASH, made.add(hash));
  made.entry(DT_SYMTAB, 64);
  const Bytes bytes = made.build();
  Edits edits;
  edits.searchPath = Edits::SearchPath{"/opt/lib", {}};
  const auto same = layOut(MemorySource(bytes), edits);
  REQUIRE_MESSAGE(same, (same ? "" : same.error().message));
  CHECK(same->empty());
  edits.osAbi = ELFOSABI_FREEBSD;
  const auto other = layOut(MemorySource(bytes), edits);
  REQUIRE_FALSE(other);
  CHECK(other.error().message.find("one place") != std::string::npos);
}

// Found by fuzzing.
TEST_CASE("an edit that would change the count of sections is refused") {
  Made made;
  made.entry(DT_SONAME, made.name("self.so"));
  made.segment({PT_NULL, 0, 0, 0, 0, 0, 0, 0});
  Bytes bytes = made.build();
  // The first section header has the count where the third program header has its type.
  made.codec().putU64(&bytes[40], 64 + 2 * 56 - 32);
  made.codec().putU16(&bytes[58], 64);
  Edits edits;
  edits.soname = std::string(64, 'n');
  const auto layout = layOut(MemorySource(bytes), edits);
  REQUIRE_FALSE(layout);
  CHECK(layout.error().message.find("sections") != std::string::npos);
}

// Found by fuzzing.
TEST_CASE("a segment of a few bytes is no area of an earlier edit") {
  Made made;
  made.entry(DT_SONAME, made.name("self.so"));
  const Bytes note(4, 0);
  const uint64_t at = made.add(note);
  const uint64_t address = (1U << 20) + at;
  made.segment({PT_NOTE, PF_R, at, address, address, note.size(), note.size(), 4});
  made.segment({PT_LOAD, PF_R, at, address, address, note.size(), note.size(), 4096});
  Edits edits;
  edits.soname = std::string(64, 'n');
  const auto layout = layOut(MemorySource(made.build()), edits);
  REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
  CHECK(layout->newSize > layout->oldSize);
}

// Appends section headers, and a table with their names.
Bytes withSections(Bytes bytes, const Codec& codec, const std::string& names,
                   const std::vector<SectionHeader>& sections) {
  const size_t at = bytes.size();
  bytes.insert(bytes.end(), names.begin(), names.end());
  std::vector<SectionHeader> all(1);
  all.insert(all.end(), sections.begin(), sections.end());
  all.push_back({0, SHT_STRTAB, 0, 0, at, names.size(), 0, 0, 1, 0});
  const size_t headers = bytes.size();
  for (const SectionHeader& section : all) {
    const size_t end = bytes.size();
    bytes.resize(end + codec.sectionHeaderSize());
    codec.put(std::span(bytes).subspan(end), section);
  }
  codec.putU64(&bytes[40], headers);
  codec.putU16(&bytes[58], static_cast<uint16_t>(codec.sectionHeaderSize()));
  codec.putU16(&bytes[60], static_cast<uint16_t>(all.size()));
  codec.putU16(&bytes[62], static_cast<uint16_t>(all.size() - 1));
  return bytes;
}

// Found by fuzzing. eu-strip -f leaves such a file: the last segment ends with code that is not
// here.
TEST_CASE("what was split off with the program's own program headers is not edited") {
  Made made;
  made.entry(DT_SONAME, made.name("self.so"));
  const Bytes whole = made.build();
  const uint64_t last = whole.size() - 16;
  const Bytes bytes =
      withSections(whole, made.codec(), std::string("\0.dynamic\0", 10),
                   {{0, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, last, last, 16, 0, 0, 16, 0},
                    {1, SHT_NOBITS, SHF_ALLOC, last, last, 16, 0, 0, 8, 0}});
  const auto facts = readFacts(MemorySource(bytes), "split.debug");
  REQUIRE_MESSAGE(facts, (facts ? "" : facts.error().message));
  CHECK(facts->kind == Kind::DebugInformation);
  CHECK_FALSE(facts->soname);
  CHECK(facts->dynamic == DynamicTable::Unread);
  Edits edits;
  edits.soname = "other.so";
  const auto layout = layOut(MemorySource(bytes), edits);
  REQUIRE_FALSE(layout);
  CHECK(layout.error().message.find("split off") != std::string::npos);
}

// patchelf fills the places of what it has moved with a letter, and so the room behind the program
// headers that it has made.
TEST_CASE("the program header table grows over what patchelf has vacated, and over nothing else") {
  for (const char letter : {'\0', 'X', 'Z', 'Y'}) {
    CAPTURE(letter);
    Made made;
    made.entry(DT_SONAME, made.name("self.so"));
    Bytes bytes = made.build();
    const uint64_t from = 64 + 2 * made.codec().programHeaderSize();
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(from),
              bytes.begin() + static_cast<ptrdiff_t>(Made::nextAddress()), letter);
    const uint64_t size = bytes.size() - Made::nextAddress();
    bytes = withSections(bytes, made.codec(), std::string("\0", 1),
                         {{0, SHT_PROGBITS, SHF_ALLOC, Made::nextAddress(), Made::nextAddress(),
                           size, 0, 0, 16, 0}});
    Edits edits;
    edits.soname = std::string(64, 'n');
    const auto layout = layOut(MemorySource(bytes), edits);
    REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
    const bool moves = std::ranges::any_of(layout->reasons, [](const std::string& reason) {
      return reason.starts_with("the program header table moves");
    });
    CHECK(moves == (letter == 'Y'));
  }
}

TEST_CASE("a later segment is mapped over an earlier one") {
  Made made;
  made.entry(DT_SONAME, made.name("self.so"));
  const uint64_t address = made.add(Bytes(16, 0));
  made.segment({PT_LOAD, PF_R, 64, address, address, 16, 16, 4096});
  const auto image = Image::read(MemorySource(made.build()));
  REQUIRE_MESSAGE(image, (image ? "" : image.error().message));
  CHECK(image->fileOffset(address + 15) == 64 + 15);
  CHECK(image->fileOffset(address + 16) == address + 16);
}

TEST_CASE("of dynamic entries that occur twice the last counts") {
  Made made;
  made.entry(DT_RUNPATH, made.name("/first"));
  made.entry(DT_SONAME, made.name("first"));
  made.entry(DT_STRTAB, 4);
  made.entry(DT_STRSZ, 1);
  made.entry(DT_RUNPATH, made.name("/last"));
  made.entry(DT_SONAME, made.name("last"));
  const Bytes bytes = made.build();
  const auto facts = factsOf(bytes);
  REQUIRE(facts);
  CHECK(facts->runpath == "/last");
  CHECK(facts->soname == "last");
  const MemorySource source(bytes);
  Edits edits;
  edits.searchPath = Edits::SearchPath{"/" + std::string(300, 's'), {}};
  const auto layout = layOut(source, edits);
  REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
  const auto after = readFacts(PatchedSource(source, layout->ranges, layout->newSize), {});
  REQUIRE(after);
  CHECK(after->runpath == edits.searchPath->value);
  CHECK(after->soname == "last");
}

TEST_CASE("self-relative entries keep their targets, also where there are several") {
  Made made;
  made.entry(DT_MIPS_RLD_MAP_REL, 0x100);
  made.entry(DT_SONAME, made.name("self.so"));
  made.entry(DT_MIPS_RLD_MAP_REL, 0x200);
  Bytes bytes = made.build();
  made.codec().putU16(&bytes[18], EM_MIPS);
  const auto targets = [](const Source& source) {
    const auto image = Image::read(source);
    REQUIRE(image);
    const uint64_t table = image->dynamicSegment()->virtualAddress;
    std::vector<uint64_t> found;
    for (size_t index = 0; index < image->dynamic.size(); ++index) {
      const DynamicEntry& entry = image->dynamic[index];
      if (entry.tag == DT_MIPS_RLD_MAP_REL)
        found.push_back(table + index * image->codec.dynamicEntrySize() + entry.value);
    }
    return found;
  };
  const MemorySource source(bytes);
  Edits edits;
  edits.addNeeded = {"libone.so"};
  const auto layout = layOut(source, edits);
  REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
  CHECK(targets(source).size() == 2);
  CHECK(targets(PatchedSource(source, layout->ranges, layout->newSize)) == targets(source));
}

TEST_CASE("the count of relative relocations gives up its entry, but not a loader's own") {
  for (const bool needs : {true, false}) {
    CAPTURE(needs);
    Made made;
    if (needs) made.entry(DT_NEEDED, made.name("libone.so.1"));
    made.entry(DT_SONAME, made.name("self.so"));
    made.entry(DT_RELACOUNT, 3);
    const Bytes bytes = made.build();
    const MemorySource source(bytes);
    const auto counts = [&](const Edits& edits) {
      const auto layout = layOut(source, edits);
      REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
      const auto after = Image::read(PatchedSource(source, layout->ranges, layout->newSize));
      REQUIRE(after);
      return after->dynamicValue(DT_RELACOUNT).has_value();
    };
    Edits one;
    one.debugEntry = true;
    CHECK(counts(one) == !needs);
    // If it would not be enough, it stays.
    Edits two = one;
    two.noDefaultLibraries = true;
    CHECK(counts(two));
  }
}

TEST_CASE("no name is overwritten where a table that may name it is out of sight") {
  for (const int64_t tag : {int64_t{DT_VERNEED}, int64_t{DT_VERDEF}}) {
    for (const bool inSight : {true, false}) {
      CAPTURE(inSight);
      Made made;
      made.entry(DT_NEEDED, made.name("libone.so.1"));
      made.entry(DT_RUNPATH, made.name("/" + std::string(100, 'r')));
      if (!inSight) made.entry(tag, 1U << 30);
      const Bytes bytes = made.build();
      const MemorySource source(bytes);
      const auto image = Image::read(source);
      REQUIRE(image);
      const auto strings = StringTable::dynamicOf(*image);
      REQUIRE(strings);
      Edits edits;
      edits.searchPath = Edits::SearchPath{"/" + std::string(90, 's'), {}};
      const auto layout = layOut(source, edits);
      REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
      const bool overwritten = std::ranges::any_of(layout->ranges, [&](const ByteRange& range) {
        return range.offset < strings->offset + strings->size && range.end() > strings->offset;
      });
      CHECK(overwritten == inSight);
    }
  }
}

TEST_CASE("version lists that never end") {
  const Watch watch;
  Made made;
  const Codec& codec = made.codec();
  const uint32_t name = made.name("name");
  SUBCASE("needs that lead back by an overflow") {
    Bytes need(32, 0);
    codec.putU16(&need[2], 1);
    codec.putU32(&need[4], name);
    codec.putU32(&need[8], 16);
    codec.putU32(&need[12], 0U - 16U);
    codec.putU32(&need[24], name);
    made.entry(DT_VERNEED, made.add(need));
    made.entry(DT_VERNEEDNUM, UINT32_MAX);
    CHECK(codeOf(made.build()) == ErrorCode::Truncated);
  }
  SUBCASE("auxiliaries that are their own successors, as far as they can") {
    // All records are the same zeros except for their steps of one byte.
    Bytes zeros(200'000, 0);
    codec.putU16(&zeros[2], 65535);
    codec.putU32(&zeros[8], 16);
    codec.putU32(&zeros[12], 1);
    for (size_t at = 16 + 12; at + 4 < zeros.size(); at += 16)
      codec.putU32(&zeros[at], 16);
    made.entry(DT_VERNEED, made.add(zeros));
    made.entry(DT_VERNEEDNUM, UINT32_MAX);
    face(made.build());
  }
  SUBCASE("definitions") {
    Bytes definition(28, 0);
    codec.putU16(&definition[6], 65535);
    codec.putU32(&definition[12], 20);
    codec.putU32(&definition[16], 0U - 20U);
    codec.putU32(&definition[20], name);
    codec.putU32(&definition[24], 0U - 8U);
    made.entry(DT_VERDEF, made.add(definition));
    made.entry(DT_VERDEFNUM, UINT64_MAX);
    CHECK(codeOf(made.build()) == ErrorCode::Truncated);
  }
  SUBCASE("names that are very long, again and again") {
    const uint32_t longName = made.name(std::string(1U << 20, 'v'));
    constexpr size_t kCount = 10'000;
    Bytes needs(16 + kCount * 16, 0);
    codec.putU16(&needs[2], kCount);
    codec.putU32(&needs[4], longName);
    codec.putU32(&needs[8], 16);
    for (size_t index = 0; index < kCount; ++index) {
      codec.putU32(&needs[16 + index * 16 + 8], longName);
      codec.putU32(&needs[16 + index * 16 + 12], 16);
    }
    Bytes definitions(kCount * 28, 0);
    for (size_t index = 0; index < kCount; ++index) {
      uint8_t* record = &definitions[index * 28];
      codec.putU16(record + 6, 1);
      codec.putU32(record + 12, 20);
      codec.putU32(record + 16, 28);
      codec.putU32(record + 20, longName);
    }
    SUBCASE("needed") {
      made.entry(DT_VERNEED, made.add(needs));
      made.entry(DT_VERNEEDNUM, 1);
    }
    SUBCASE("defined") {
      made.entry(DT_VERDEF, made.add(definitions));
      made.entry(DT_VERDEFNUM, kCount);
    }
    CHECK(codeOf(made.build()) == ErrorCode::LimitExceeded);
  }
}

TEST_CASE("notes that nobody knows are passed over, however large they are") {
  constexpr uint32_t kDlopen = 0x407c0c0a;
  for (const ByteOrder order : {ByteOrder::Little, ByteOrder::Big}) {
    Made made(Class::Elf64, order);
    const Codec& codec = made.codec();
    const Bytes large(5U << 20, 1);
    Bytes notes;
    for (const Bytes& each :
         {note(codec, "BLOB", 1, large), note(codec, std::string(100, 'o'), 1, large),
          note(codec, "GNU", 999, large), note(codec, "FDO", kDlopen, {'[', ']'})}) {
      notes.insert(notes.end(), each.begin(), each.end());
    }
    const uint64_t at = made.add(notes);
    made.segment({PT_NOTE, PF_R, at, at, at, notes.size(), notes.size(), 4});
    const Bytes bytes = made.build();
    const Claimed source(bytes, bytes.size());
    const auto facts = readFacts(source, {});
    REQUIRE_MESSAGE(facts, (facts ? "" : facts.error().message));
    CHECK(facts->notes.dlopen == std::vector<std::string>{"[]"});
    CHECK(source.read_ < 10'000);
    CHECK(layOut(source, anyEdits(false)));
  }
}

TEST_CASE("known notes of more than a mebibyte are not held") {
  Made made;
  const Bytes notes = note(made.codec(), "FDO", 0x407c0c0a, Bytes((1U << 20) + 1, '['));
  const uint64_t at = made.add(notes);
  made.segment({PT_NOTE, PF_R, at, at, at, notes.size(), notes.size(), 4});
  CHECK(codeOf(made.build()) == ErrorCode::LimitExceeded);
}

TEST_CASE("a segment that ends with the header of a note without owner") {
  Made made;
  const Bytes empty(12, 0);
  const uint64_t at = made.add(empty);
  made.segment({PT_NOTE, PF_R, at, at, at, empty.size(), empty.size(), 4});
  const auto facts = factsOf(made.build());
  REQUIRE_MESSAGE(facts, (facts ? "" : facts.error().message));
  CHECK(facts->notes.dlopen.empty());
}

TEST_CASE("many segments of many empty notes") {
  const Watch watch;
  Made made;
  const Bytes zeros(8U << 20, 0);
  const uint64_t at = made.add(zeros);
  for (int count = 0; count < 14; ++count)
    made.segment({PT_NOTE, PF_R, at, at, at, zeros.size(), zeros.size(), 4});
  const Bytes bytes = made.build();
  const Claimed source(bytes, bytes.size());
  const auto facts = readFacts(source, {});
  REQUIRE(facts);
  CHECK(source.read_ < (4U << 20));
}

TEST_CASE("records are written as they are read, in every class and byte order") {
  for (const Class fileClass : {Class::Elf32, Class::Elf64}) {
    for (const ByteOrder order : {ByteOrder::Little, ByteOrder::Big}) {
      const Codec codec(fileClass, order);
      const auto wide = [&](uint64_t value) { return codec.wide() ? value : value & UINT32_MAX; };
      Bytes bytes(64, 0);

      ProgramHeader segment{1, 2, 0, 0, 0, 0, 0, 0};
      uint64_t next = 0x8182838485868788;
      for (uint64_t* field : {&segment.offset, &segment.virtualAddress, &segment.physicalAddress,
                              &segment.fileSize, &segment.memorySize, &segment.alignment})
        *field = wide(next + 0x0101010101010101);
      codec.put(std::span(bytes).first(codec.programHeaderSize()), segment);
      CHECK(codec.programHeader(bytes) == segment);

      SectionHeader section{11, 12, 0, 0, 0, 0, 13, 14, 0, 0};
      for (uint64_t* field : {&section.flags, &section.address, &section.offset, &section.size,
                              &section.alignment, &section.entrySize})
        *field = wide(next + 0x0101010101010101);
      codec.put(std::span(bytes).first(codec.sectionHeaderSize()), section);
      CHECK(codec.sectionHeader(bytes) == section);

      for (const int64_t tag : {int64_t{DT_NEEDED}, int64_t{DT_GNU_HASH}, int64_t{DT_FLAGS_1},
                                int64_t{DT_AUXILIARY}, int64_t{DT_FILTER}}) {
        const DynamicEntry entry{tag, wide(next += 0x0101010101010101)};
        codec.put(std::span(bytes).first(codec.dynamicEntrySize()), entry);
        CHECK(codec.dynamicEntry(bytes) == entry);
      }

      const Bytes file = ordinary(fileClass, order);
      Bytes copy = file;
      FileHeader header = codec.fileHeader(file);
      codec.put(copy, header);
      CHECK(copy == file);
      header.programHeaderOffset = wide(next + 0x0101010101010101);
      header.programHeaderCount = 0x1234;
      codec.put(copy, header);
      CHECK(codec.fileHeader(copy).programHeaderOffset == header.programHeaderOffset);
      CHECK(codec.fileHeader(copy).programHeaderCount == 0x1234);

      codec.putU32(bytes.data(), 0x01020304);
      CHECK(bytes[0] == (order == ByteOrder::Little ? 4 : 1));
      CHECK(codec.u16(bytes.data()) == (order == ByteOrder::Little ? 0x0304 : 0x0102));
      // The C library's names for the sizes.
      CHECK(codec.fileHeaderSize() == (codec.wide() ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)));
      CHECK(codec.programHeaderSize() == (codec.wide() ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)));
      CHECK(codec.sectionHeaderSize() == (codec.wide() ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)));
      CHECK(codec.dynamicEntrySize() == (codec.wide() ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn)));
      CHECK(codec.symbolSize() == (codec.wide() ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)));
    }
  }
}
