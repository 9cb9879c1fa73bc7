// The resolver against its judge, this machine's loader, and against disks made for the purpose.
#include <doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/parallel.hpp"
#include "output.hpp"
#include "resolve/cache.hpp"
#include "resolve/resolution.hpp"
#include "temporary_directory.hpp"

using namespace fixelf;
namespace fs = std::filesystem;

namespace {

class Disk : public TemporaryDirectory {
 public:
  Disk() : TemporaryDirectory("resolve") {}

  void directory(const std::string& name) const { fs::create_directories(*this / name); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  // A library or program that consists only of its dynamic table.
  void link(const std::string& name, const std::string& options) const {
    fs::create_directories(fs::path(*this / name).parent_path());
    const bool library = name.find(".so") != std::string::npos;
    write("empty.c", library ? "int here;" : "int main(void) { return 0; }");
    const std::string command =
        "cd '" + path() + "' && ${CC:-gcc} " + (library ? "-shared -fPIC -nostdlib " : "") +
        "-Wl,--no-as-needed -Wl,--allow-shlib-undefined -o '" + name + "' empty.c " + options;
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
  }
};

using Listing = std::vector<std::pair<std::string, std::string>>;

// What the loader lists, without the kernel's own library and addresses; "" is not found.
Listing loaderSays(const std::string& interpreter, const std::string& file,
                   const std::string& environment = {}) {
  Listing listing;
  // glibc's --list ends at the first library that is not found; the variable lists it as such.
  const bool musl = interpreter.find("ld-musl") != std::string::npos;
  std::istringstream lines(output("env " + environment +
                                  (musl ? " '" : " LD_TRACE_LOADED_OBJECTS=1 '") + interpreter +
                                  (musl ? "' --list '" : "' '") + file + "' 2>/dev/null; true"));
  for (std::string line; std::getline(lines, line);) {
    if (const size_t address = line.rfind(" (0x"); address != std::string::npos) {
      line.resize(address);
    }
    line.erase(0, line.find_first_not_of(" \t"));
    const size_t arrow = line.find(" => ");
    if (arrow == std::string::npos) {
      if (line.starts_with("/")) listing.emplace_back(line, line);
      continue;
    }
    std::string path = line.substr(arrow + 4);
    if (path == "not found") path.clear();
    listing.emplace_back(line.substr(0, arrow), path);
  }
  return listing;
}

Listing weSay(const Resolution& resolution) {
  Listing listing;
  for (const Library& library : resolution.libraries) {
    // The loader lists objects, we list names.
    if (library.reason->starts_with("already loaded for")) continue;
    // The loader prints only the path if the name contains one.
    const bool slash = library.path && library.soname->find('/') != std::string::npos;
    listing.emplace_back(slash ? *library.path : *library.soname,
                         library.path ? *library.path : "");
  }
  return listing;
}

// The loader lists itself last and by its path, wherever it is needed.
Listing without(Listing listing, const std::string& interpreter) {
  std::erase_if(listing, [&](const auto& entry) {
    return entry.second == interpreter || entry.first == interpreter;
  });
  return listing;
}

std::string text(const Listing& listing) {
  std::string result;
  for (const auto& [name, path] : listing)
    result += name + " => " + path + "\n";
  return result;
}

const Library* find(const Resolution& resolution, const std::string& soname) {
  for (const Library& library : resolution.libraries) {
    if (*library.soname == soname) return &library;
  }
  return nullptr;
}

const Library& need(const Resolution& resolution, const std::string& soname) {
  const Library* library = find(resolution, soname);
  REQUIRE(library != nullptr);
  return *library;
}

std::string pathOf(const Resolution& resolution, const std::string& soname) {
  const Interned path = need(resolution, soname).path;
  return path ? *path : "";
}

Resolution resolved(Files& files, const std::string& path, const ResolveOptions& options = {}) {
  auto resolution = resolve(files, path, options);
  REQUIRE_MESSAGE(resolution, path);
  return *resolution;
}

// Both must agree, whatever the case is about.
Resolution agreed(const std::string& path, const std::string& libraryPath = {}) {
  Files files("");
  ResolveOptions options;
  options.libraryPath = libraryPath;
  Resolution resolution = resolved(files, path, options);
  REQUIRE(resolution.interpreter);
  const std::string& interpreter = *resolution.interpreter;
  CHECK(text(without(weSay(resolution), interpreter)) ==
        text(without(loaderSays(interpreter, path, "LD_LIBRARY_PATH='" + libraryPath + "'"),
                     interpreter)));
  return resolution;
}

}  // namespace

TEST_CASE("this machine's programs resolve as its loader resolves them") {
  Files files("");
  int compared = 0;
  std::vector<fs::path> programs;
  for (const auto& entry : fs::directory_iterator("/usr/bin"))
    programs.push_back(entry.path());
  std::sort(programs.begin(), programs.end());
  for (size_t index = 0; index < programs.size() && compared < 60; index += 7) {
    // If started by the kernel, a program's $ORIGIN is that of its real path; the loader, if
    // started itself, takes the path as given.
    std::error_code broken;
    const std::string path = fs::canonical(programs[index], broken).string();
    if (broken) continue;
    const Lookup& lookup = files.look(path);
    if (lookup.state != Lookup::Elf || !lookup.facts->interpreter) continue;
    const std::string interpreter = *lookup.facts->interpreter;
    if (interpreter.find("ld-linux") == std::string::npos) continue;
    if (::access(interpreter.c_str(), X_OK) != 0) continue;
    const Resolution resolution = resolved(files, path);
    CAPTURE(path);
    CHECK(text(without(weSay(resolution), interpreter)) ==
          text(without(loaderSays(interpreter, path), interpreter)));
    CHECK(resolution.interpreterFound);
    CHECK(resolution.versionProblems.empty());
    ++compared;
  }
  MESSAGE("compared ", compared, " programs");
}

TEST_CASE("the loader's default directories are read from it") {
  Files files("");
  const Lookup& self = files.look("/proc/self/exe");
  REQUIRE(self.state == Lookup::Elf);
  REQUIRE(self.facts->interpreter);
  const std::string interpreter = *self.facts->interpreter;
  const LoaderProfile profile = loaderProfile(files, interpreter, *self.facts);
  CHECK(profile.note == "");
  std::vector<std::string> expected;
  std::map<std::string, std::string> diagnostics;
  std::istringstream lines(output(interpreter + " --list-diagnostics 2>/dev/null; true"));
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos || line.back() != '"') continue;
    const std::string value = line.substr(equals + 2, line.size() - equals - 3);
    diagnostics[line.substr(0, equals)] = value;
    if (line.starts_with("path.system_dirs")) {
      expected.push_back(value.substr(0, value.size() - 1));
    }
  }
  if (expected.empty()) return;  // glibc before 2.33, or another libc
  CHECK(profile.defaultDirectories == expected);
  CHECK(profile.libToken == diagnostics["dl_dst_lib"]);
  CHECK(profile.libc == LoaderProfile::Glibc);
}

TEST_CASE("$ORIGIN, RUNPATH and RPATH") {
  Disk place;
  place.link("lib/libdeep.so", "");
  place.link("deep/libdeep.so", "");
  SUBCASE("RUNPATH with $ORIGIN, of the program's real directory") {
    place.link("app/program", "-Llib -l:libdeep.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../lib'");
    fs::create_symlink(place / "app/program", place / "shortcut");
    CHECK(pathOf(agreed(place / "app/program"), "libdeep.so") == place / "app/../lib/libdeep.so");
    Files files("");
    const Resolution resolution = resolved(files, place / "shortcut");
    CHECK(pathOf(resolution, "libdeep.so") == place / "app/../lib/libdeep.so");
    CHECK(*need(resolution, "libdeep.so").reason == "RUNPATH of " + (place / "shortcut"));
  }
  SUBCASE("RUNPATH is not inherited") {
    place.link("lib/libmiddle.so", "-Llib -l:libdeep.so");
    place.link("program", "-Llib -l:libmiddle.so -Wl,--enable-new-dtags,-rpath,'${ORIGIN}/lib'");
    const Resolution resolution = agreed(place / "program");
    CHECK(pathOf(resolution, "libmiddle.so") == place / "lib/libmiddle.so");
    CHECK_FALSE(need(resolution, "libdeep.so").path);
    CHECK(*need(resolution, "libdeep.so").neededBy == place / "lib/libmiddle.so");
    CHECK_FALSE(need(resolution, "libdeep.so").tried.empty());
  }
  SUBCASE("RPATH is inherited") {
    place.link("lib/libmiddle.so", "-Llib -l:libdeep.so");
    place.link("program", "-Llib -l:libmiddle.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'");
    const Resolution resolution = agreed(place / "program");
    CHECK(pathOf(resolution, "libdeep.so") == place / "lib/libdeep.so");
    CHECK(*need(resolution, "libdeep.so").reason == "RPATH of " + (place / "program"));
  }
  SUBCASE("a RUNPATH of the requester cancels inherited RPATHs") {
    place.link("lib/libmiddle.so",
               "-Llib -l:libdeep.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/nothing'");
    place.link("program", "-Llib -l:libmiddle.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'");
    CHECK_FALSE(need(agreed(place / "program"), "libdeep.so").path);
  }
  SUBCASE("LD_LIBRARY_PATH comes after RPATH and before RUNPATH") {
    place.link("old", "-Llib -l:libdeep.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'");
    place.link("new", "-Llib -l:libdeep.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/lib'");
    CHECK(pathOf(agreed(place / "old", place / "deep"), "libdeep.so") == place / "lib/libdeep.so");
    CHECK(pathOf(agreed(place / "new", place / "deep"), "libdeep.so") == place / "deep/libdeep.so");
    CHECK(pathOf(agreed(place / "new", "/nowhere;" + (place / "deep/")), "libdeep.so") ==
          place / "deep/libdeep.so");
  }
  SUBCASE("names with a slash, and one file under two names") {
    place.link("lib/libother.so", "");
    fs::create_symlink("libother.so", place / "lib/libagain.so");
    place.link("program", "'" + (place / "lib/libother.so") +
                              "' -Llib -l:libagain.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/lib'");
    const Resolution resolution = agreed(place / "program");
    CHECK(*need(resolution, place / "lib/libother.so").reason == "path in the needed name");
    CHECK(*need(resolution, "libagain.so").path == place / "lib/libother.so");
    CHECK(*need(resolution, "libagain.so").reason == "already loaded for " + (place / "program"));
  }
  SUBCASE("DF_1_NODEFLIB keeps the default directories out") {
    place.link("program", "-Wl,-z,nodefaultlib");
    const Resolution resolution = agreed(place / "program");
    CHECK_FALSE(need(resolution, "libc.so.6").path);
  }
}

TEST_CASE("another machine's library is passed over") {
  Disk place;
  place.link("good/libthing.so", "");
  place.link("program",
             "-Lgood -l:libthing.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/first:$ORIGIN/good'");
  place.directory("first");
  const std::string first = place / "first/libthing.so";
  std::ifstream in(place / "good/libthing.so", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  bytes[18] =
      static_cast<char>(bytes[18] == static_cast<char>(EM_AARCH64) ? EM_X86_64 : EM_AARCH64);
  place.write("first/libthing.so", bytes);
  const Resolution resolution = agreed(place / "program");
  const Library& library = need(resolution, "libthing.so");
  CHECK(*library.path == place / "good/libthing.so");
  CHECK(library.wrongMachineSeen);
  REQUIRE(library.tried.size() == 1);
  CHECK(*library.tried[0].path == first);
  CHECK(library.tried[0].why->starts_with("it is for "));
}

TEST_CASE("what is in a library's place") {
  Disk place;
  place.link("good/libthing.so", "");
  place.link("program",
             "-Lgood -l:libthing.so -Wl,--enable-new-dtags,-rpath,'$ORIGIN/first:$ORIGIN/good'");
  place.directory("first");
  const std::string first = place / "first/libthing.so";
  Files files("");
  SUBCASE("a FIFO neither blocks nor counts") {
    REQUIRE(::mkfifo(first.c_str(), 0600) == 0);
  }
  SUBCASE("a directory ends the search") {
    place.directory("first/libthing.so");
  }
  SUBCASE("a text ends the search") {
    place.write("first/libthing.so", "INPUT(libthing.so.1)");
  }
  SUBCASE("an empty file ends the search") {
    place.write("first/libthing.so", "");
  }
  SUBCASE("a library cut short ends the search") {
    place.write("first/libthing.so", std::string("\x7f"
                                                 "ELF\x02\x01\x01",
                                                 7));
  }
  const Resolution resolution = resolved(files, place / "program");
  CHECK_FALSE(need(resolution, "libthing.so").path);
  CHECK(need(resolution, "libthing.so").reason->starts_with("the loader stops at " + first));
}

TEST_CASE("symbol versions that the chosen library does not define") {
  Disk place;
  place.write("old.map", "V1 { global: f; };");
  place.write("new.map", "V1 { global: f; }; V2 { global: g; } V1;");
  place.write("f.c", "int f(void) { return 1; }");
  place.write("g.c", "int f(void) { return 1; } int g(void) { return 2; }");
  place.write("p.c", "int g(void); int main(void) { return g(); }");
  const std::string command =
      "cd '" + place.path() +
      "' && mkdir old new && "
      "gcc -shared -fPIC -nostdlib -o old/libversioned.so f.c -Wl,--version-script,old.map && "
      "gcc -shared -fPIC -nostdlib -o new/libversioned.so g.c -Wl,--version-script,new.map && "
      "gcc -o program p.c -Lnew -l:libversioned.so";
  REQUIRE(std::system(command.c_str()) == 0);
  Files files("");
  ResolveOptions options;
  options.libraryPath = place / "new";
  CHECK(resolved(files, place / "program", options).versionProblems.empty());
  options.libraryPath = place / "old";
  const Resolution resolution = resolved(files, place / "program", options);
  REQUIRE(resolution.versionProblems.size() == 1);
  const VersionProblem& problem = resolution.versionProblems[0];
  CHECK(*problem.version == "V2");
  CHECK(*problem.library == "libversioned.so");
  CHECK(*problem.providerPath == place / "old/libversioned.so");
  CHECK(*problem.neededBy == place / "program");
  CHECK_FALSE(problem.weak);
}

TEST_CASE("another system's root") {
  Disk place;
  place.link("build/libthing.so", "");
  place.link("build/program", "-Lbuild -l:libthing.so -Wl,--enable-new-dtags,-rpath,/opt/lib");
  place.directory("root/opt/real");
  place.directory("root/bin");
  fs::copy(place / "build/program", place / "root/bin/program");
  fs::copy(place / "build/libthing.so", place / "root/opt/real/libthing.so.1");
  fs::create_symlink("/opt/real", place / "root/opt/lib");
  fs::create_symlink("../../../../../opt/real/libthing.so.1", place / "root/opt/real/libthing.so");
  fs::create_symlink("circle", place / "root/opt/circle");
  Files files(place / "root");

  CHECK(*files.realPath("/opt/lib/libthing.so") == "/opt/real/libthing.so.1");
  CHECK(*files.realPath("/../..") == "/");
  CHECK(*files.realPath("/opt/./lib/../real") == "/opt/real");
  CHECK(files.hostPath("/opt/lib") == place / "root/opt/real");
  CHECK_FALSE(files.realPath("/opt/circle"));
  CHECK_FALSE(files.realPath("/bin/program/.."));
  CHECK(files.look("/opt/circle").state == Lookup::Unreadable);
  CHECK(files.look("/opt").state == Lookup::NotRegular);
  CHECK(files.directoryExists("/opt/lib"));
  CHECK_FALSE(files.directoryExists(place / "root/opt"));

  const Resolution resolution = resolved(files, "/bin/program");
  CHECK(pathOf(resolution, "libthing.so") == "/opt/lib/libthing.so");
  CHECK_FALSE(resolution.interpreterFound);
  CHECK(resolution.interpreterReason == "not there");
  CHECK_FALSE(resolution.loader->note.empty());
  CHECK_FALSE(need(resolution, "libc.so.6").path);

  Files mixed(place / "root");
  mixed.passThrough(place / "build");
  const Resolution outside = resolved(mixed, place / "build/program");
  CHECK(pathOf(outside, "libthing.so") == "/opt/lib/libthing.so");
}

TEST_CASE("a file is read once, by whatever path it is asked for") {
  Disk place;
  place.link("libthing.so.1", "-Wl,-soname,libthing.so.1");
  fs::create_symlink("libthing.so.1", place / "libthing.so");
  fs::create_hard_link(place / "libthing.so.1", place / "twin.so");
  Files files("");
  const Lookup& own = files.look(place / "libthing.so.1");
  REQUIRE(own.state == Lookup::Elf);
  CHECK(files.look(place / "libthing.so").facts == own.facts);
  CHECK(files.look(place / "twin.so").facts == own.facts);
  // New content is read again, even if its file has the same inode number.
  place.link("other.so", "-Wl,-soname,libother.so.1");
  std::ofstream(place / "libthing.so.1", std::ios::binary)
      << std::ifstream(place / "other.so", std::ios::binary).rdbuf();
  fs::create_symlink("libthing.so.1", place / "later.so");
  CHECK(files.look(place / "later.so").facts->soname == "libother.so.1");
  // An earlier answer stays as it was.
  CHECK(files.look(place / "libthing.so").facts->soname == "libthing.so.1");
}

TEST_CASE("strings are interned") {
  InternedStrings strings;
  const Interned one = strings("one");
  CHECK(*one == "one");
  CHECK(strings(std::string("one")) == one);
  CHECK(strings("two") != one);
  CHECK_FALSE(Interned());
  std::vector<Interned> many(20'000);
  inParallel(many.size(), [&](size_t at) { many[at] = strings(std::to_string(at / 2)); });
  for (size_t at = 0; at < many.size(); ++at) {
    REQUIRE(*many[at] == std::to_string(at / 2));
    REQUIRE(many[at] == many[at / 2 * 2]);
  }
}

TEST_CASE("a plan's facts stand in for those on disk") {
  Disk place;
  place.link("lib/libthing.so", "");
  place.link("program", "-Llib -l:libthing.so");
  Files files("");
  CHECK_FALSE(need(resolved(files, place / "program"), "libthing.so").path);
  Facts facts = *files.look(place / "program").facts;
  facts.runpath = "$ORIGIN/lib";
  files.replace(place / "program", facts);
  CHECK(pathOf(resolved(files, place / "program"), "libthing.so") == place / "lib/libthing.so");
}

TEST_CASE("ld.so.cache") {
  const auto bytes = [](std::string contents) {
    return std::make_shared<const std::vector<uint8_t>>(contents.begin(), contents.end());
  };
  std::string cache = "glibc-ld.so.cache1.1";
  const auto put = [&](uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
      cache += static_cast<char>(value >> shift);
  };
  put(3);
  put(0);
  put(2);  // little-endian
  for (int word = 0; word < 4; ++word)
    put(0);
  const uint32_t strings = 48 + 3 * 24;
  const auto entry = [&](uint32_t flags, uint32_t path, uint32_t hwcaps) {
    put(flags);
    put(strings);
    put(strings + path);
    put(0);
    put(0);
    put(hwcaps);
  };
  entry(0x0303, 5, 1U << 30);
  entry(3, 8, 0);
  entry(0x0303, 11, 0);
  cache += std::string("name\0/a\0/b\0/c\0", 14);
  FileHeader wide;
  wide.machine = EM_X86_64;
  FileHeader narrow;
  narrow.machine = EM_386;
  narrow.fileClass = Class::Elf32;
  const auto found = [&](const std::string& contents, const FileHeader& program,
                         const std::string& name) {
    return LoaderCache(bytes(contents), program, {}, std::nullopt).find(name);
  };
  CHECK(found(cache, wide, "name") == "/c");
  CHECK(found(cache, narrow, "name") == "/b");
  CHECK_FALSE(found(cache, narrow, "nam"));
  // To the loader this is a C string, ending at a NUL.
  CHECK(found(cache, wide, std::string("name\0", 5)) == "/c");
  CHECK(found(cache, wide, std::string("name\0x", 6)) == "/c");
  // Behind one of the old format, without entries.
  const std::string old = std::string("ld.so-1.7.0\0\0\0\0\0", 16) + cache;
  CHECK(found(old, wide, "name") == "/c");
  // Cut off anywhere, it is not read beyond its end.
  for (size_t size = 0; size < cache.size(); ++size)
    (void)found(cache.substr(0, size), wide, "name");
}

TEST_CASE("musl's own rules") {
  const char* compiler = "musl-gcc";
  if (std::system("command -v musl-gcc >/dev/null") != 0) return;
  Disk place;
  place.write("e.c", "int here;");
  place.write("p.c", "int main(void) { return 0; }");
  const std::string make = "cd '" + place.path() + "' && mkdir lib && " + compiler +
                           " -shared -nostdlib -o lib/libdeep.so e.c && " + compiler +
                           " -shared -nostdlib -Wl,--no-as-needed -o lib/libmiddle.so e.c "
                           "-Llib -l:libdeep.so && " +
                           compiler +
                           " -Wl,--no-as-needed -o program p.c -Llib -l:libmiddle.so "
                           "-Wl,--allow-shlib-undefined -Wl,-rpath,'$ORIGIN/lib'";
  REQUIRE(std::system(make.c_str()) == 0);
  Files files("");
  const Resolution resolution = resolved(files, place / "program");
  CHECK(resolution.loader->libc == LoaderProfile::Musl);
  CHECK(pathOf(resolution, "libc.so") == resolution.loader->path);
  // RUNPATH is inherited, unlike with glibc.
  CHECK(pathOf(resolution, "libdeep.so") == place / "lib/libdeep.so");
  const Listing judge = loaderSays(*resolution.interpreter, place / "program");
  CHECK(text(without(weSay(resolution), *resolution.interpreter)) ==
        text(without(judge, *resolution.interpreter)));
}
