// Resolution over a directory in which everything is hostile: the program, its libraries, the
// loader, its cache, preload lists, musl's path file, links. It answers, the same twice, and looks
// at nothing outside the root.
#include <unistd.h>

#include <array>
#include <filesystem>

#include "resolve/cache.hpp"
#include "resolve/resolver.hpp"
#include "scratch.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;
namespace fs = std::filesystem;

// A part's role is the place of its file here; from kLinks on it is a link with that target.
constexpr std::array kPlaces = {
    "/bin/program",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/liba.so",
    "/lib/libb.so.1",
    "/lib/libc.so.6",
    "/lib/libc.so",
    "/lib64/liba.so",
    "/bin/libb.so.1",
    "/lib/glibc-hwcaps/x86-64-v2/liba.so",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
};
constexpr uint8_t kLinks = 0x40;
constexpr uint8_t kOptions = 0x80;

ResolveOptions optionsFrom(std::span<const uint8_t> bytes) {
  ResolveOptions options;
  Choices choices(bytes);
  const uint8_t flags = choices.byte();
  if ((flags & 1U) != 0) options.interpreter = choices.text();
  if ((flags & 2U) != 0) options.libraryPath = choices.text();
  if ((flags & 4U) != 0) options.preload = choices.text();
  options.processor = (flags & 8U) != 0 ? "x86-64-v3" : "baseline";
  options.secure = (flags & 16U) != 0;
  if ((flags & 32U) != 0) options.nixLd = NixLd{choices.text(), choices.text()};
  return options;
}

std::string textOf(const Resolution& resolution) {
  std::string text = resolution.interpreter.value_or("-") + resolution.interpreterReason;
  for (const Library& library : resolution.libraries) {
    text += '\n' + *library.soname + " " + (library.path ? *library.path : "-") + " " +
            (library.reason ? *library.reason : "-");
    if (library.path) demand(!library.path->empty(), "an empty path");
    for (const Tried& tried : library.tried)
      text += '\t' + *tried.path;
  }
  return text;
}

}  // namespace

void run(std::span<const uint8_t> input) {
  static const std::string root = [] {
    for (const char* directory : {"/bin", "/lib64", "/lib/glibc-hwcaps/x86-64-v2", "/etc"})
      fs::create_directories(scratch() + directory);
    return scratch();
  }();
  std::vector<std::string> made;
  ResolveOptions options;
  options.processor = "baseline";
  std::array<bool, kPlaces.size()> taken{};
  for (const Part& part : partsOf(input)) {
    if (part.role >= kOptions) {
      options = optionsFrom(part.bytes);
      continue;
    }
    const size_t place = part.role % kLinks % kPlaces.size();
    if (taken[place]) continue;
    taken[place] = true;
    const std::string path = root + kPlaces[place];
    if (part.role >= kLinks) {
      const std::string target = Choices(part.bytes).text();
      if (target.empty() || symlink(target.c_str(), path.c_str()) != 0) continue;
    } else {
      writeFile(path, part.bytes);
    }
    made.push_back(path);
  }

  std::string first;
  for (int time = 0; time < 2; ++time) {
    Files files(root);
    const auto resolution = resolve(files, "/bin/program", options);
    std::string text = resolution ? textOf(*resolution) : resolution.error().message;
    demand(!text.empty(), "an answer without a word");
    demand(time == 0 || text == first, "two answers to one question");
    first = std::move(text);
  }
  for (const std::string& path : made)
    unlink(path.c_str());
}

}  // namespace fuzz
