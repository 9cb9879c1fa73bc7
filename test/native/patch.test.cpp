// Edits of real programs, judged by this machine's kernel and loader, which run them, and by
// readelf.
#include <doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "claimed_source.hpp"
#include "contents.hpp"
#include "elf/extent.hpp"
#include "elf/facts.hpp"
#include "output.hpp"
#include "patch/edits.hpp"
#include "patch/names.hpp"
#include "patch/undo.hpp"
#include "patch/write.hpp"
#include "temporary_directory.hpp"

using namespace fixelf;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSource =
    "#include <stdio.h>\n"
    "int number(void);\n"
    "__thread int local = 3;\n"
    "static const char *const names[] = {\"a\", \"b\"};\n"
    "int main(int argc, char **argv) {\n"
    "  (void)argv;\n"
    "  printf(\"%d %d %s\\n\", number(), local, names[argc - 1]);\n"
    "  return 0;\n"
    "}\n";

// One compiled program with the library that it needs, in a directory of its own.
class Workshop : public TemporaryDirectory {
 public:
  Workshop() : TemporaryDirectory("patch") {
    for (const char* directory : {"lib", "records"})
      fs::create_directory(*this / directory);
    std::ofstream(*this / "program.c") << kSource;
    std::ofstream(*this / "number.c") << "int number(void) { return 42; }\n";
    run("gcc -shared -fPIC -o lib/libnumber.so number.c -Wl,-soname,libnumber.so");
  }

  [[nodiscard]] std::string library() const { return *this / "lib"; }
  [[nodiscard]] std::string records() const { return *this / "records"; }

  void run(const std::string& command) const {
    const std::string inside = "cd '" + path() + "' && " + command;
    REQUIRE_MESSAGE(std::system(inside.c_str()) == 0, command);
  }
  std::string compile(const std::string& options, const std::string& name = "program") const {
    run("gcc -o " + name + " program.c -Llib -lnumber " + options);
    return *this / name;
  }
  // Another name for this machine's loader, at a path of exactly that length.
  [[nodiscard]] std::string loader(size_t length) const {
    const auto self = readFacts("/proc/self/exe");
    REQUIRE(self);
    std::string directory = *this / "ld";
    while (length - directory.size() > 200) {
      directory += "/" + std::string(100, 'd');
    }
    REQUIRE(directory.size() + 2 <= length);
    fs::create_directories(directory);
    std::string link = directory + "/" + std::string(length - directory.size() - 1, 'l');
    fs::remove(link);
    fs::create_symlink(*self->interpreter, link);
    return link;
  }
};

void store(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::string warnings(const std::string& path) {
  return output("readelf -W -a '" + path +
                "' 2>&1 >/dev/null | grep -v 'RUNPATH\\|RPATH' | sed 's/0x[0-9a-f]*/N/g' | "
                "sort -u; true");
}

Edits edits(const std::optional<std::string>& interpreter, const std::string& runpath,
            SearchPathTag tag = SearchPathTag::Runpath) {
  Edits asked;
  asked.interpreter = interpreter;
  asked.searchPath = Edits::SearchPath{runpath, tag};
  return asked;
}

// A path of that length at which there is nothing, before the directory that matters.
std::string padded(const std::string& directory, size_t length) {
  std::string path = "/" + std::string(length - directory.size() - 2, 'n') + ":" + directory;
  REQUIRE(path.size() == length);
  return path;
}

Result<Layout> planned(const std::string& path, const Edits& asked) {
  auto source = FileSource::open(path);
  REQUIRE(source);
  return layOut(**source, asked);
}

void checkOrder(const Layout& layout) {
  uint64_t end = 0;
  for (const ByteRange& range : layout.ranges) {
    CHECK_FALSE(range.bytes.empty());
    CHECK(range.offset >= end);
    end = range.end();
  }
  CHECK(end <= layout.newSize);
}

// Plans, writes, and checks whether the file is as requested.
Layout edit(const Workshop& place, const std::string& path, const Edits& asked,
            WriteMode mode = WriteMode::Atomic) {
  auto source = FileSource::open(path);
  REQUIRE(source);
  auto layout = layOut(**source, asked);
  REQUIRE_MESSAGE(layout, (layout ? "" : layout.error().message));
  checkOrder(*layout);
  WriteJob job;
  job.path = job.output = path;
  job.ranges = layout->ranges;
  job.newSize = layout->newSize;
  job.identity = (*source)->identity();
  job.mode = mode;
  const auto statuses = writeAll({job}, {place.records()});
  REQUIRE(statuses.size() == 1);
  REQUIRE_MESSAGE(statuses[0], (statuses[0] ? "" : statuses[0].error().message));
  const auto facts = readFacts(path);
  REQUIRE(facts);
  if (asked.interpreter) CHECK(facts->interpreter == asked.interpreter);
  if (asked.searchPath) {
    const bool rpath = asked.searchPath->tag == SearchPathTag::Rpath;
    CHECK((rpath ? facts->rpath : facts->runpath).value_or("") == asked.searchPath->value);
    CHECK_FALSE((rpath ? facts->runpath : facts->rpath));
  }
  return *layout;
}

void withoutSectionHeaders(const std::string& path) {
  std::vector<uint8_t> bytes = contents(path);
  const MemorySource source(bytes);
  const auto image = Image::read(source);
  REQUIRE(image);
  FileHeader header = image->header;
  header.sectionHeaderOffset = 0;
  header.sectionHeaderCount = 0;
  image->codec.put(bytes, header);
  // What put() leaves alone: e_shstrndx.
  image->codec.putU16(bytes.data() + image->codec.fileHeaderSize() - 2, 0);
  uint64_t end = 0;
  for (const ProgramHeader& segment : image->programHeaders)
    end = std::max(end, segment.fileEnd());
  bytes.resize(static_cast<size_t>(end));
  store(path, bytes);
}

struct Build {
  const char* name = "";
  const char* options = "";
  bool sections = true;
};

constexpr Build kBuilds[] = {
    {"PIE", "-pie"},
    {"not PIE", "-no-pie"},
    {"PIE, bound at start", "-pie -Wl,-z,now"},
    {"PIE, bound lazily", "-pie -Wl,-z,lazy,-z,norelro"},
    {"code in segments of its own", "-pie -Wl,-z,separate-code"},
    {"code with the rest", "-pie -Wl,-z,noseparate-code"},
    {"not PIE, code with the rest", "-no-pie -Wl,-z,noseparate-code"},
    {"pages of 64 KiB", "-pie -Wl,-z,max-page-size=65536"},
    {"old hash table", "-pie -Wl,--hash-style=sysv"},
    {"no build ID", "-pie -Wl,--build-id=none -Wl,-z,noseparate-code"},
    {"RPATH before", "-pie -Wl,--disable-new-dtags,-rpath,/nowhere"},
    {"long RUNPATH before", "-pie -Wl,-rpath,/nowhere/nowhere/nowhere/nowhere/nowhere/nowhere"},
    {"PIE without section headers", "-pie", false},
    {"not PIE, without section headers", "-no-pie", false},
    {"code with the rest, without section headers", "-pie -Wl,-z,noseparate-code", false},
};

Image imageOf(const std::string& path) {
  auto image = Image::read(MemorySource(contents(path)));
  REQUIRE(image);
  return *std::move(image);
}

std::vector<ProgramHeader> loadsOf(const Image& image) {
  std::vector<ProgramHeader> loads;
  std::ranges::copy_if(image.programHeaders, std::back_inserter(loads),
                       [](const ProgramHeader& segment) { return segment.type == PT_LOAD; });
  return loads;
}

}  // namespace

TEST_CASE("programs run after any number of edits, and are restored") {
  for (const Build& build : kBuilds) {
    SUBCASE(build.name) {
      const Workshop place;
      const std::string program = place.compile(build.options);
      if (!build.sections) withoutSectionHeaders(program);
      const std::vector<uint8_t> original = contents(program);
      const std::string before = warnings(program);
      const std::string expected = output("LD_LIBRARY_PATH='" + place.library() + "' " + program);
      REQUIRE(expected == "42 3 a\n");
      const auto check = [&] {
        CHECK(output(program) == expected);
        CHECK(warnings(program) == before);
      };

      const Edits first = edits(place.loader(300), padded(place.library(), 400));
      CHECK_FALSE(edit(place, program, first).empty());
      check();
      const auto again = planned(program, first);
      REQUIRE(again);
      CHECK(again->empty());

      edit(place, program, edits(place.loader(120), place.library()));
      check();
      edit(place, program, edits(place.loader(900), padded(place.library(), 1500)));
      check();
      edit(place, program, edits(place.loader(900), place.library(), SearchPathTag::Rpath));
      check();
      edit(place, program, edits(place.loader(2000), padded(place.library(), 9000)));
      check();

      REQUIRE(undo(program, place.records()));
      CHECK(contents(program) == original);
      CHECK_FALSE(undo(program, place.records()));
    }
  }
}

TEST_CASE("edits in place are taken back too") {
  for (const char* options : {"-pie", "-no-pie -Wl,-z,noseparate-code"}) {
    CAPTURE(options);
    const Workshop place;
    const std::string program = place.compile(options);
    const std::vector<uint8_t> original = contents(program);
    for (const size_t length : {300U, 200U, 700U}) {
      edit(place, program, edits(place.loader(length), padded(place.library(), length + 50)),
           WriteMode::InPlace);
      CHECK(output(program) == "42 3 a\n");
    }
    REQUIRE(undo(program, place.records()));
    CHECK(contents(program) == original);
  }
}

TEST_CASE("strings of the same length do not make the file grow, however often they change") {
  for (const char* options : {"-pie", "-no-pie", "-pie -Wl,-z,noseparate-code"}) {
    CAPTURE(options);
    const Workshop place;
    const std::string program = place.compile(options);
    const std::vector<uint8_t> original = contents(program);
    const std::string loader = place.loader(500);
    uint64_t size = 0;
    for (int round = 0; round < 30; ++round) {
      std::string runpath = padded(place.library(), 3000);
      runpath[1] = static_cast<char>('A' + round % 26);
      runpath[2] = static_cast<char>('A' + round / 26);
      std::string interpreter = loader;
      interpreter.back() = static_cast<char>('A' + round % 26);
      fs::remove(interpreter);
      fs::create_symlink(loader, interpreter);
      edit(place, program, edits(interpreter, runpath));
      const uint64_t now = fs::file_size(program);
      if (round > 1) CHECK(now == size);
      size = now;
    }
    CHECK(output(program) == "42 3 a\n");
    REQUIRE(undo(program, place.records()));
    CHECK(contents(program) == original);
  }
}

// A resolution cache goes with each change of the search path, and returns with the next edit: into
// the unused end of a segment, or into an area that is empty without it.
TEST_CASE("what goes and comes again finds its place again") {
  // -rdynamic: without section headers only a non-empty hash table shows how many symbols there
  // are, and so which names are free.
  for (const std::string options :
       {"-pie -rdynamic", "-no-pie -rdynamic", "-pie -rdynamic -Wl,-z,noseparate-code"}) {
    for (const size_t length : {200U, 9000U}) {
      for (const bool sections : {true, false}) {
        CAPTURE(options);
        CAPTURE(length);
        CAPTURE(sections);
        const Workshop place;
        const std::string program = place.compile(options);
        if (!sections) withoutSectionHeaders(program);
        const std::vector<uint8_t> original = contents(program);
        uint64_t size = 0;
        std::vector<ProgramHeader> segments;
        for (int round = 0; round < 24; ++round) {
          Edits cache;
          cache.resolutionCache.emplace(length, static_cast<uint8_t>('a' + round));
          edit(place, program, cache);
          const auto facts = readFacts(program);
          REQUIRE(facts);
          const auto source = FileSource::open(program);
          REQUIRE(source);
          const auto image = Image::read(**source);
          REQUIRE(image);
          if (round > 1) {
            CHECK(fs::file_size(program) == size);
            CHECK(image->programHeaders == segments);
          }
          size = fs::file_size(program);
          segments = image->programHeaders;
          std::string runpath = padded(place.library(), 300);
          runpath[1] = static_cast<char>('A' + round);
          edit(place, program, edits(std::nullopt, runpath));
          if (round > 1) CHECK(fs::file_size(program) == size);
        }
        CHECK(output(program) == "42 3 a\n");
        REQUIRE(undo(program, place.records()));
        CHECK(contents(program) == original);
      }
    }
  }
}

// nixpkgs' fixupPhase strips and patches in turn. strip puts what it copies behind the appended
// area, which then can't grow.
TEST_CASE("programs run when they are patched and stripped in turn, one byte longer each time") {
  const Workshop place;
  const auto loads = [](const std::string& path) { return loadsOf(imageOf(path)).size(); };
  for (const char* linker : {"bfd", "gold", "lld", "mold"}) {
    for (const char* kind : {"-pie", "-no-pie"}) {
      for (const char* strip : {"strip -g", "strip", "llvm-strip"}) {
        CAPTURE(linker);
        CAPTURE(kind);
        CAPTURE(strip);
        const std::string program = place.compile(std::string(kind) + " -fuse-ld=" + linker);
        const auto before = loads(program);
        for (const size_t length : {100U, 101U, 300U, 301U, 302U, 5000U, 5001U}) {
          CAPTURE(length);
          edit(place, program, edits(std::nullopt, padded(place.library(), length)));
          CHECK(output(program) == "42 3 a\n");
          place.run(std::string(strip) + " '" + program + "'");
          CHECK(output(program) == "42 3 a\n");
        }
        // If .bss would grow over it, a second one leaves LIEF room.
        const bool spaced = kind == std::string("-no-pie") && linker != std::string("bfd");
        CHECK(loads(program) <= before + (spaced ? 2 : 1));
      }
    }
  }
}

// Crash reporters and sanitizers find the loaded libraries this way, as <link.h> documents.
TEST_CASE("a program finds its libraries through _DYNAMIC where the table can stay") {
  const Workshop place;
  std::ofstream(place / "debug.c")
      << "#include <link.h>\n"
         "int main(void) {\n"
         "  for (ElfW(Dyn) *each = _DYNAMIC; each->d_tag != DT_NULL; each++)\n"
         "    if (each->d_tag == DT_DEBUG) return each->d_un.d_ptr == 0;\n"
         "  return 2;\n"
         "}\n";
  const auto moves = [](const Layout& layout) {
    return std::ranges::any_of(layout.reasons, [](const std::string& reason) {
      return reason.find("DT_DEBUG") != std::string::npos;
    });
  };
  for (const char* linker : {"bfd", "gold", "lld", "mold"}) {
    for (const char* kind : {"-pie", "-no-pie"}) {
      for (const char* binding : {"lazy", "now"}) {
        CAPTURE(linker);
        CAPTURE(kind);
        CAPTURE(binding);
        place.run(std::string("gcc -o debug debug.c ") + kind + " -Wl,-z," + binding +
                  " -fuse-ld=" + linker);
        const std::string program = place / "debug";
        REQUIRE(output(program).empty());
        const Layout layout = edit(place, program, edits(std::nullopt, place.library()));
        // lld's position-dependent programs have no relative relocations, so no count of them.
        const bool hasNone = std::string(linker) == "lld" && std::string(kind) == "-no-pie" &&
                             std::string(binding) == "lazy";
        CHECK(moves(layout) == hasNone);
        CHECK((output(program) == "[failed]") == hasNone);
        // No table of lld's has four entries to spare: the layout then explains what that means.
        Edits more;
        more.addNeeded = {"libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"};
        const Layout moved = edit(place, program, more);
        if (moves(moved)) {
          CHECK(std::string(linker) == "lld");
        } else {
          CHECK((output(program) == "[failed]") == hasNone);
        }
      }
    }
  }
}

// It is in Debian's bookworm, and makes assertions about what it edits.
TEST_CASE("patchelf edits what we have edited, and we what it has") {
  const Workshop place;
  for (const char* linker : {"bfd", "gold", "lld", "mold"}) {
    for (const char* kind : {"-pie", "-no-pie"}) {
      CAPTURE(linker);
      CAPTURE(kind);
      const std::string program = place.compile(std::string(kind) + " -g -fuse-ld=" + linker);
      const auto size = [&] { return fs::file_size(program); };
      edit(place, program, edits(place.loader(300), padded(place.library(), 5000)));
      CHECK(output(program) == "42 3 a\n");
      const auto grown = size();
      edit(place, program, edits(place.loader(300), padded(place.library(), 5001)));
      edit(place, program, edits(place.loader(300), padded(place.library(), 5002)));
      CHECK(output(program) == "42 3 a\n");
      CHECK(size() < grown + 16'000);
      place.run("patchelf --set-rpath '" + padded(place.library(), 400) + "' '" + program + "'");
      CHECK(output(program) == "42 3 a\n");
      edit(place, program, edits(place.loader(400), padded(place.library(), 600)));
      CHECK(output(program) == "42 3 a\n");
    }
  }
}

// LIEF (postject) makes .bss part of the file if it finds no room between two segments.
TEST_CASE("a segment that comes behind .bss leaves LIEF room for its program headers") {
  const Workshop place;
  const auto checkRoom = [&](const std::string& path) {
    const Image image = imageOf(path);
    const std::vector<ProgramHeader> found = loadsOf(image);
    const ProgramHeader& before = found[found.size() - 2];
    const ProgramHeader& last = found.back();
    CHECK(before.fileSize == before.memorySize);
    REQUIRE(last.offset > before.fileEnd());
    const uint64_t room = last.offset - before.fileEnd();
    CHECK(room >= 2 * image.programHeaders.size() * sizeof(Elf64_Phdr));
    CHECK(before.memoryEnd() + room <= last.virtualAddress);
    return found.size();
  };
  for (const char* linker : {"gold", "lld", "mold"}) {
    CAPTURE(linker);
    const std::string program = place.compile(
        std::string("-no-pie -Wl,-z,norelro -Wl,--build-id -fuse-ld=") + linker, linker);
    const std::vector<uint8_t> original = contents(program);
    const auto asked = [&](size_t length) {
      return edits(std::nullopt, padded(place.library(), length));
    };
    const size_t before = loadsOf(imageOf(program)).size();
    edit(place, program, asked(5000));
    CHECK(checkRoom(program) == before + 2);
    CHECK(output(program) == "42 3 a\n");
    CHECK(planned(program, asked(5000))->empty());
    // It grows, and then moves with its room.
    edit(place, program, edits(place.loader(300), padded(place.library(), 6000)));
    CHECK(checkRoom(program) == before + 2);
    place.run("strip '" + program + "'");
    CHECK(output(program) == "42 3 a\n");
    CHECK(checkRoom(program) == before + 2);
    edit(place, program, asked(9000));
    CHECK(checkRoom(program) == before + 2);
    CHECK(output(program) == "42 3 a\n");
    // All of it is undone.
    store(program, original);
    edit(place, program, asked(5000));
    REQUIRE(undo(program, place.records()));
    CHECK(contents(program) == original);
  }
}

TEST_CASE("a library is found and found out by its new RUNPATH") {
  const Workshop place;
  std::ofstream(place / "middle.c") << "int number(void); int middle(void) { return number(); }\n";
  std::ofstream(place / "user.c")
      << "#include <stdio.h>\nint middle(void);\nint main(void) { printf(\"%d\\n\", middle()); }\n";
  place.run("gcc -shared -fPIC -o libmiddle.so middle.c -Llib -lnumber");
  place.run("gcc -o user user.c -L. -lmiddle -Wl,-rpath,'$ORIGIN' -Wl,--allow-shlib-undefined");
  const std::string library = place / "libmiddle.so";
  const std::vector<uint8_t> original = contents(library);
  const std::string before = warnings(library);
  CHECK(output((place / "user") + " 2>/dev/null") == "[failed]");
  edit(place, library, edits(std::nullopt, padded(place.library(), 6000)));
  CHECK(output(place / "user") == "42\n");
  CHECK(warnings(library) == before);

  // Removed again by an edit: only the entry goes.
  edit(place, library, edits(std::nullopt, ""));
  CHECK(output((place / "user") + " 2>/dev/null") == "[failed]");
  const auto interpreter = planned(library, edits("/lib/ld.so", place.library()));
  REQUIRE_FALSE(interpreter);
  CHECK(interpreter.error().code == ErrorCode::Unsupported);
  REQUIRE(undo(library, place.records()));
  CHECK(contents(library) == original);
}

TEST_CASE("a payload behind the program is not moved") {
  const Workshop place;
  const std::string program =
      place.compile("-pie -Wl,--enable-new-dtags,-rpath,/nowhere/nowhere/nowhere/" +
                    std::string(200, 'n') + " -Wl,--dynamic-linker=/" + std::string(300, 'l'));
  const std::string payload(5000, 'P');
  std::ofstream(program, std::ios::binary | std::ios::app) << payload;
  const std::vector<uint8_t> original = contents(program);
  const auto facts = readFacts(program);
  REQUIRE(facts);
  REQUIRE(facts->overlay);
  CHECK(facts->overlay->size == payload.size());

  const auto refused = planned(program, edits(place.loader(2000), padded(place.library(), 9000)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::Unsupported);
  CHECK(refused.error().message.find("5000 bytes follow") != std::string::npos);
  CHECK(contents(program) == original);

  const Layout layout = edit(place, program, edits(place.loader(250), place.library()));
  CHECK(layout.oldSize == layout.newSize);
  CHECK(output(program) == "42 3 a\n");
  const std::vector<uint8_t> now = contents(program);
  CHECK(std::equal(now.end() - 5000, now.end(), payload.begin()));
  REQUIRE(undo(program, place.records()));
  CHECK(contents(program) == original);
}

// patchelf leaves one zero byte, auditwheel's wheels have it, other tools round sizes up to a page.
TEST_CASE("zeros behind the ELF structure are padding") {
  const Workshop place;
  const std::string program = place.compile("-s");
  const std::vector<uint8_t> plain = contents(program);
  for (const uint64_t zeros : {uint64_t{1}, uint64_t{4096}, kMostPadding}) {
    CAPTURE(zeros);
    std::vector<uint8_t> zeroed = plain;
    zeroed.resize(plain.size() + static_cast<size_t>(zeros), 0);
    store(program, zeroed);
    const auto facts = readFacts(program);
    REQUIRE(facts);
    CHECK_FALSE(facts->overlay);
    edit(place, program, edits(place.loader(2000), padded(place.library(), 9000)));
    CHECK(output(program) == "42 3 a\n");
    const uint64_t size = fs::file_size(program);
    edit(place, program, edits(place.loader(2000), padded(place.library(), 8999)));
    CHECK(output(program) == "42 3 a\n");
    CHECK(fs::file_size(program) == size);
    REQUIRE(undo(program, place.records()));
    CHECK(contents(program) == zeroed);
  }
}

TEST_CASE("an area before padding grows over it") {
  const Workshop place;
  const std::string program = place.compile("-s");
  edit(place, program, edits(place.loader(2000), padded(place.library(), 9000)));
  std::vector<uint8_t> bytes = contents(program);
  const auto segments = [&] {
    return Image::read(MemorySource(contents(program)))->programHeaders.size();
  };
  const size_t count = segments();
  bytes.resize(bytes.size() + 20'000, 0);
  store(program, bytes);
  const Layout layout =
      edit(place, program, edits(place.loader(2000), padded(place.library(), 10'000)));
  CHECK(layout.newSize == layout.oldSize);
  edit(place, program, edits(place.loader(2000), padded(place.library(), 40'000)));
  CHECK(segments() == count);
  CHECK(output(program) == "42 3 a\n");
}

TEST_CASE("one byte among the zeros is a payload, and so are more zeros than pad anything") {
  const Workshop place;
  const std::string program = place.compile("-s");
  const std::vector<uint8_t> plain = contents(program);
  const auto isPayload = [&](const std::vector<uint8_t>& behind) {
    std::vector<uint8_t> bytes = plain;
    bytes.insert(bytes.end(), behind.begin(), behind.end());
    store(program, bytes);
    const auto facts = readFacts(program);
    REQUIRE(facts);
    REQUIRE(facts->overlay);
    CHECK(facts->overlay->offset == plain.size());
    CHECK(facts->overlay->size == behind.size());
    const auto refused = planned(program, edits(place.loader(2000), padded(place.library(), 9000)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("a payload") != std::string::npos);
  };
  for (const size_t at : {0U, 2047U, 2048U, 99'999U}) {
    CAPTURE(at);
    std::vector<uint8_t> behind(100'000, 0);
    behind[at] = 1;
    isPayload(behind);
  }
  isPayload(std::vector<uint8_t>(kMostPadding + 1, 0));
  const Claimed sparse(plain, uint64_t{1} << 40);
  const auto facts = readFacts(sparse, {});
  REQUIRE(facts);
  CHECK(facts->overlay);
  CHECK(sparse.read_ < plain.size());
}

TEST_CASE("a string whose tail has another use is never overwritten") {
  struct Shared {
    const char* what;
    const char* runpath;  // as linked; its tail is a name
  };
  // GNU ld merges a string into the tail of a longer one: only names of symbols and sonames count.
  for (const Shared& shared : {Shared{"a library's name", "/opt/lib/libnumber.so"},
                               Shared{"a symbol's name", "/opt/lib/number"},
                               Shared{"a version's name", "/opt/lib/GLIBC_2.34"},
                               Shared{"libc's name", "/opt/libc.so.6"}}) {
    SUBCASE(shared.what) {
      const Workshop place;
      const std::string program =
          place.compile(std::string("-pie -Wl,--enable-new-dtags,-rpath,") + shared.runpath);
      const auto before = readFacts(program);
      REQUIRE(before);
      REQUIRE(before->runpath == shared.runpath);
      const std::string symbols = output("nm -D '" + program + "'");
      // As long as the old one, so that a tool that trusts the length writes over it.
      std::string other(std::string(shared.runpath).size(), 'x');
      other[0] = '/';
      edit(place, program, edits(std::nullopt, other));
      const auto after = readFacts(program);
      REQUIRE(after);
      CHECK(after->needed == before->needed);
      CHECK(output("nm -D '" + program + "'") == symbols);
      edit(place, program, edits(std::nullopt, place.library()));
      CHECK(output(program) == "42 3 a\n");
    }
  }

  SUBCASE("what is free is known byte by byte") {
    const std::string table("\0/opt/directory/libnumber.so\0main\0", 34);
    const auto fresh = [&](const std::vector<uint64_t>& marks) {
      DynamicNames names({table.begin(), table.end()});
      for (const uint64_t mark : marks)
        names.mark(mark);
      return names;
    };
    const uint64_t tail = 1 + std::string("/opt/directory/").size();
    const uint64_t main = table.find("main");

    DynamicNames shared = fresh({tail, main});
    const auto blanked = shared.settle({1});
    REQUIRE(blanked.size() == 1);
    CHECK(blanked[0].start == 1);
    CHECK(blanked[0].end == tail);
    CHECK(shared.put("libnumber.so", true) == tail);
    CHECK(shared.put(std::string(14, 'x'), true) == 1);  // exactly the free bytes
    CHECK(shared.put(std::string(14, 'x'), true) == 1);  // and not once more
    CHECK(shared.put("a", true) == table.size());        // nothing else is free

    DynamicNames free = fresh({main});
    CHECK(free.settle({1}).size() == 1);
    CHECK(free.put(std::string(28, 'y'), true) == table.size());
    CHECK(free.put(std::string(27, 'x'), true) == 1);

    // As long as a released one: in its place, whatever else is free.
    const std::string names = std::string("\0XXXX\0one\0X\0/some/where\0", 24);
    DynamicNames same({names.begin(), names.end()});
    CHECK(same.settle({6, 12}).size() == 2);
    CHECK(same.put("/else/where", true) == 12);
    CHECK(same.put("two", true) == 6);
    CHECK(same.put("four", true) == 1);

    // A new name is not another's tail, for that may change.
    DynamicNames apart({names.begin(), names.end()});
    apart.keepAll();
    CHECK(apart.settle({}).empty());
    CHECK(apart.put("a/directory", true) == names.size());
    CHECK(apart.put("directory", true) == names.size() + 12);
    CHECK(apart.put("directory", true) == names.size() + 12);
    CHECK(apart.put("where", true) == 18);

    DynamicNames unknown = fresh({main});
    unknown.keepAll();
    CHECK(unknown.settle({1}).empty());
    CHECK(unknown.put("z", false) == table.size());
  }
}

TEST_CASE("what a large string table holds already is found without holding the table") {
  const uint64_t size = 200'000;
  const auto holds = [&](const std::string& text, uint64_t at, const std::string& name) {
    std::vector<uint8_t> bytes(size + 5, 'y');  // the table does not begin where the file does
    std::copy(text.begin(), text.end(), bytes.begin() + 5 + static_cast<ptrdiff_t>(at));
    Piece piece;
    piece.offset = 5;
    piece.size = size;
    const std::string* const names[] = {&name};
    const auto answer = holdsPlaceFor(MemorySource(std::move(bytes)), piece, names);
    REQUIRE(answer);
    return *answer;
  };
  const std::string name = "/opt/a/directory/of/some/length";
  const std::string ended = name + std::string(1, '\0');
  CHECK_FALSE(holds("", 0, name));
  CHECK_FALSE(holds(name, 1000, name));  // a longer name begins with it
  CHECK_FALSE(holds("XXXX", 1001, name));
  CHECK(holds("", 0, "/short"));  // fewer blanks than are looked for may do
  // Wherever it is: also where one run of reading meets the next, and at the end.
  for (uint64_t at = 65'400; at < 65'600; ++at) {
    CHECK(holds(ended, at, name));
    CHECK(holds("XXXXXXX", at, name));
  }
  CHECK(holds(ended, 0, name));
  CHECK(holds(ended, size - ended.size(), name));
  CHECK(holds("XXXXXXX", size - 8, name));
  CHECK(holds(std::string(ended.size() + 1, '\0'), size - ended.size() - 1, name));
  CHECK_FALSE(holds(std::string(ended.size(), '\0'), size - ended.size(), name));
}

TEST_CASE("patches are laid over a source in any order, and the last one counts") {
  const MemorySource base(std::vector<uint8_t>(8, 'a'));
  const std::vector<ByteRange> ranges = {{5, {'x', 'x'}}, {1, {'y'}}, {6, {'z'}}};
  const PatchedSource patched(base, ranges, 9);
  const auto bytes = patched.bytes(0, 9, 9);
  REQUIRE(bytes);
  CHECK(std::string(bytes->begin(), bytes->end()) == std::string("ayaaaxza\0", 9));
}

TEST_CASE("of a string table of megabytes the ends are searched, and no more is read") {
  const uint64_t size = 4'000'000;
  const std::string name = "/opt/a/directory/of/some/length";
  const auto holds = [&](uint64_t at) {
    std::vector<uint8_t> bytes(size, 'y');
    std::copy_n(name.c_str(), name.size() + 1, bytes.begin() + static_cast<ptrdiff_t>(at));
    Piece piece;
    piece.size = size;
    const std::string* const names[] = {&name};
    const Claimed source(std::move(bytes), size);
    const auto answer = holdsPlaceFor(source, piece, names);
    REQUIRE(answer);
    CHECK(source.read_ < 600'000);
    return *answer;
  };
  CHECK(holds(1000));
  CHECK(holds(200'000));
  CHECK_FALSE(holds(2'000'000));
  CHECK(holds(3'800'000));
  CHECK(holds(size - name.size() - 1));
}

TEST_CASE("a string table that claims more than any has is neither read nor held") {
  const Workshop place;
  std::vector<uint8_t> bytes = contents(place.compile("-pie"));
  const MemorySource source(bytes);
  const auto image = Image::read(source);
  REQUIRE(image);
  const uint64_t size = uint64_t{1} << 40;
  // One more segment holds the whole file, and the table takes half of that size.
  const auto table = StringTable::dynamicOf(*image);
  REQUIRE(table);
  const uint64_t address = uint64_t{1} << 41;
  for (size_t index = 0; index < image->programHeaders.size(); ++index) {
    ProgramHeader segment = image->programHeaders[index];
    if (segment.type != PT_GNU_STACK) continue;
    segment.type = PT_LOAD;
    segment.virtualAddress = segment.physicalAddress = address;
    segment.fileSize = segment.memorySize = size;
    const size_t entrySize = image->codec.programHeaderSize();
    image->codec.put(
        std::span(bytes).subspan(image->header.programHeaderOffset + index * entrySize, entrySize),
        segment);
  }
  for (size_t index = 0; index < image->dynamic.size(); ++index) {
    DynamicEntry entry = image->dynamic[index];
    if (entry.tag == DT_STRTAB) entry.value = address + table->offset;
    if (entry.tag == DT_STRSZ) entry.value = size / 2;
    const size_t entrySize = image->codec.dynamicEntrySize();
    image->codec.put(std::span(bytes).subspan(image->dynamicOffset + index * entrySize, entrySize),
                     entry);
  }
  const Claimed claimed(std::move(bytes), size);
  const auto layout = layOut(claimed, edits(std::nullopt, "/a/directory/of/some/length"));
  REQUIRE_FALSE(layout);
  CAPTURE(layout.error().message);
  CHECK(layout.error().code == ErrorCode::LimitExceeded);
  CHECK(claimed.read_ < (64U << 20));
}

TEST_CASE("names go behind a large string table") {
  const Workshop place;
  {
    std::ofstream source(place / "many.c");
    const auto name = [](int index) {
      return "a_function_with_a_long_name_" + std::to_string(index);
    };
    for (int index = 0; index < 4000; ++index)
      source << "void " << name(index) << "(void) {}\n";
    source << "void *all[] = {";
    for (int index = 0; index < 4000; ++index)
      source << name(index) << ",";
    source << "};\n";
  }
  const std::string library = place / "lib/libmany.so";
  std::string subject;
  SUBCASE("that grows over the small table behind it") {
    subject = place.compile("-rdynamic -pie many.c");
  }
  // Without symbol versions it is followed by its relocations, which are as large as it is.
  SUBCASE("that moves as a whole") {
    place.run("gcc -shared -fPIC -nostdlib -o lib/libmany.so many.c");
    place.compile("-Wl,--no-as-needed -lmany");
    subject = library;
  }
  const std::string run =
      "LD_BIND_NOW=1 LD_LIBRARY_PATH='" + place.library() + "' " + (place / "program");
  const std::vector<uint8_t> original = contents(subject);
  const std::string symbols = output("nm -D '" + subject + "'");
  const auto sizeWith = [&](const std::string& runpath) {
    edit(place, subject, edits(std::nullopt, runpath), WriteMode::InPlace);
    CHECK(output("nm -D '" + subject + "'") == symbols);
    CHECK(output(run) == "42 3 a\n");
    return fs::file_size(subject);
  };

  // A name that is already there is used.
  CHECK(sizeWith("a_function_with_a_long_name_77") == original.size());
  sizeWith("");
  uint64_t size = sizeWith(padded(place.library(), 300));
  if (subject == library) CHECK(size > original.size() + 100'000);
  // The table has taken all of the place that it grew over: the next name needs no more.
  Edits named;
  named.soname = "a-soname-of-its-own.so";
  edit(place, subject, named, WriteMode::InPlace);
  if (subject != library) CHECK(fs::file_size(subject) == size);
  size = fs::file_size(subject);
  // What it leaves is room for the next one of that length.
  CHECK(sizeWith("") == size);
  CHECK(sizeWith(padded(place.library(), 299)) == size);
  REQUIRE(undo(subject, place.records()));
  CHECK(contents(subject) == original);
}

// Qt's and Crashpad's notes are objects of their programs.
TEST_CASE("a note that code refers to stays where it is") {
  const Workshop place;
  std::ofstream(place / "note.c")
      << "#include <stdio.h>\n"
         "static const struct { int sizes[2]; int type; char owner[8]; int value[40]; } note\n"
         "    __attribute__((section(\".note.mine\"), used, aligned(4))) =\n"
         "    {{5, 160}, 1, \"Mine\", {77}};\n"
         "int main(void) { const int *volatile value = note.value; printf(\"%d\\n\", *value); }\n";
  for (const char* options : {"", "-fuse-ld=gold", "-Wl,--build-id=none -no-pie"}) {
    CAPTURE(options);
    place.run(std::string("gcc -w -o note note.c ") + options);
    const std::string program = place / "note";
    REQUIRE(output(program) == "77\n");
    edit(place, program, edits(place.loader(300), padded(place.library(), 9000)));
    CHECK(output(program) == "77\n");
    REQUIRE(undo(program, place.records()));
  }
}

// postject puts a Node program's payload into one note.
TEST_CASE("a program with a note of megabytes is edited and runs") {
  const Workshop place;
  std::ofstream(place / "large.c")
      << "#include <stdio.h>\n"
         "__asm__(\".pushsection .note.sea,\\\"a\\\",@note\\n.long 5,4194304,1\\n\"\n"
         "        \".asciz \\\"BLOB\\\"\\n.balign 4\\n.zero 4194304\\n.popsection\");\n"
         "int main(void) { puts(\"runs\"); }\n";
  place.run("gcc -o large large.c");
  const std::string program = place / "large";
  const std::vector<uint8_t> original = contents(program);
  const auto facts = readFacts(program);
  REQUIRE(facts);
  CHECK_FALSE(facts->notes.buildId.empty());
  edit(place, program, edits(place.loader(2000), padded(place.library(), 9000)));
  CHECK(output(program) == "runs\n");
  REQUIRE(undo(program, place.records()));
  CHECK(contents(program) == original);
}

// e_shnum is then 0 and e_shstrndx SHN_XINDEX; the first section header has both numbers.
TEST_CASE("a program of more sections than e_shnum can say is edited and runs") {
  const Workshop place;
  std::ofstream source(place / "many.s");
  for (int each = 0; each < 66'000; ++each)
    source << ".section .many" << each << ",\"\",@progbits\n.byte 1\n";
  source << ".section .note.GNU-stack,\"\",@progbits\n";
  source.close();
  place.run("gcc -c many.s -o many.o");
  for (const char* kind : {"-pie", "-no-pie"}) {
    CAPTURE(kind);
    const std::string program = place.compile(std::string("many.o ") + kind);
    const std::vector<uint8_t> original = contents(program);
    const std::string before = warnings(program);
    for (const size_t length : {9000U, 9500U}) {
      edit(place, program, edits(place.loader(300), padded(place.library(), length)));
      CHECK(output(program) == "42 3 a\n");
      CHECK(warnings(program) == before);
      CHECK(output("readelf -SW '" + program + "' | grep -c ' .many65999 '") == "1\n");
    }
    REQUIRE(undo(program, place.records()));
    CHECK(contents(program) == original);
  }
}

TEST_CASE("what cannot be edited is refused with a reason") {
  const Workshop place;
  place.run(
      "printf 'int main(void){return 0;}' > s.c && gcc -static -o static s.c && "
      "gcc -c -o object.o s.c");
  const auto refusal = [&](const std::string& name, const Edits& asked) {
    const auto layout = planned(place / name, asked);
    REQUIRE_FALSE(layout);
    CHECK(layout.error().code == ErrorCode::Unsupported);
    CHECK_FALSE(layout.error().message.empty());
  };
  refusal("static", edits("/lib/ld.so", "/lib"));
  refusal("static", edits(std::nullopt, "/lib"));
  refusal("object.o", edits(std::nullopt, "/lib"));
  const std::string program = place.compile("-pie");
  refusal("program", edits(std::string("/a\0b", 4), "/lib"));
  refusal("program", edits("/" + std::string(4095, 'i'), "/lib"));
  CHECK(planned(program, edits("/" + std::string(4094, 'i'), "/lib")));
}

TEST_CASE("a file that changed since the plan is left alone") {
  const Workshop place;
  const std::string program = place.compile("-pie");
  auto source = FileSource::open(program);
  REQUIRE(source);
  const auto layout = layOut(**source, edits(place.loader(300), place.library()));
  REQUIRE(layout);
  WriteJob job;
  job.path = job.output = program;
  job.ranges = layout->ranges;
  job.newSize = layout->newSize;
  job.identity = (*source)->identity();
  std::ofstream(program, std::ios::binary | std::ios::app) << "more";
  const std::vector<uint8_t> changed = contents(program);
  for (const WriteMode mode : {WriteMode::Atomic, WriteMode::InPlace}) {
    job.mode = mode;
    const auto statuses = writeAll({job}, {place.records()});
    REQUIRE_FALSE(statuses[0]);
    CHECK(statuses[0].error().code == ErrorCode::Changed);
    CHECK(contents(program) == changed);
  }
}

TEST_CASE("a file that changed since its fix is not restored") {
  const Workshop place;
  const std::string program = place.compile("-pie");
  edit(place, program, edits(place.loader(300), place.library()));
  std::vector<uint8_t> bytes = contents(program);
  bytes[bytes.size() / 2] ^= 1U;
  store(program, bytes);
  const Status status = undo(program, place.records());
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::Changed);
  CHECK(contents(program) == bytes);
}
