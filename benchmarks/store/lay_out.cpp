// Lays out a store in Nix's way: DIRECTORY/nix/store/<32 digits of nix's base 32>-<name>-<version>,
// with as many regular files as requested, about 50 to a store path.
//
//     lay-out DIRECTORY FILES SEED TEMPLATE...
//
// Everything follows from the seed and the templates: the name and content of a store path are a
// function of its number, so that blocks of them can be laid out by several threads in any order,
// and one path can name another without looking it up.
//
// The templates are ELF files with placeholders in their string tables (store/templates.mjs), which
// are overwritten, so that each copy has a soname, needed libraries and a RUNPATH of its own.
#include <fcntl.h>
#include <sys/stat.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

// The strings that each copy's own values replace; long enough for any of them.
constexpr std::string_view ownName = "libplaceholder-of-the-own-soname.so.0";
constexpr std::string_view neededName = "libplaceholder-of-a-needed-library.so.";  // followed by a digit
constexpr std::string_view pathName = "/placeholder-of-the-search-path";           // followed by padding
constexpr std::string_view loaderName = "/placeholder-of-the-interpreter";         // followed by padding
constexpr size_t pathRoom = 320;
constexpr size_t loaderRoom = 96;

constexpr unsigned blockSize = 64;  // store paths that one thread lays out in a row
constexpr double meanFiles = 50;

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream) : state_(seed * 0x9e3779b97f4a7c15U ^ stream << 20U) {
    next();
  }

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t value = state_;
    value = (value ^ value >> 30U) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27U) * 0x94d049bb133111ebU;
    return value ^ value >> 31U;
  }

  uint64_t below(uint64_t limit) { return next() % limit; }
  bool oneIn(uint64_t limit) { return below(limit) == 0; }
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

struct Template {
  std::string bytes;
  bool isLibrary = false;
};

struct Placeholder {
  std::string_view text;
  size_t room;
};

class Store {
 public:
  Store(std::string directory, uint64_t files, uint64_t seed, std::vector<Template> templates)
      : directory_(std::move(directory)), seed_(seed), templates_(std::move(templates)) {
    // The last store path is cut to size.
    for (uint64_t total = 0; total < files; total += sizes_.back())
      sizes_.push_back(std::min(files - total, sizeOf(sizes_.size())));
  }

  void layOut() {
    if (mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) fail(directory_);
    for (const char* part : {"/nix", "/nix/store"})
      if (mkdir((directory_ + part).c_str(), 0755) != 0) fail(directory_ + part);
    root_ = open((directory_ + "/nix/store").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_ < 0) fail(directory_);
    std::vector<std::thread> pool;
    for (unsigned index = 0; index < std::max(1U, std::thread::hardware_concurrency()); ++index)
      pool.emplace_back([this] { work(); });
    for (std::thread& thread : pool)
      thread.join();
  }

  void report() const {
    std::printf(
        "{\"storePaths\":%zu,\"elf\":%llu,\"malformed\":%llu,\"unreadable\":%llu,"
        "\"hardLinks\":%llu,\"symbolicLinks\":%llu,\"directories\":%llu,\"bytes\":%llu}\n",
        sizes_.size(), count(elf_), count(malformed_), count(unreadable_), count(hardLinks_),
        count(symbolicLinks_), count(directories_), count(bytes_));
  }

 private:
  using Counter = std::atomic<unsigned long long>;
  static unsigned long long count(const Counter& counter) { return counter.load(); }

  // Many small store paths and a few very large ones, as in a real store. One in eight is a single
  // file: a derivation, a patch, a script.
  uint64_t sizeOf(uint64_t number) const {
    if (number == 0) return 40;  // the one with the loader
    Random random(seed_, number << 2U | 1U);
    if (random.oneIn(8)) return 1;
    const double normal = std::sqrt(-2 * std::log(1 - random.fraction())) *
                          std::cos(6.283185307179586 * random.fraction());
    constexpr double spread = 1.2;
    const double mean = meanFiles * 8 / 7;
    const double size = mean * std::exp(spread * normal - spread * spread / 2);
    return std::clamp<uint64_t>(static_cast<uint64_t>(size), 2, 5000);
  }

  // Several versions of a package provide the same soname.
  std::string familyOf(uint64_t number) const {
    static constexpr std::array<const char*, 16> syllables{"ar",  "bo", "cu",  "den", "el",  "fi",
                                                           "gra", "ho", "ix",  "jo",  "kra", "lu",
                                                           "mo",  "ne", "pip", "qua"};
    uint64_t family = Random(seed_, number << 2U | 2U).below(sizes_.size() / 4 + 1);
    std::string name;
    for (unsigned part = 0; part < 2 || family != 0; ++part, family /= syllables.size())
      name += syllables[family % syllables.size()];
    return name;
  }

  bool isFile(uint64_t number) const { return sizes_[number] == 1; }

  std::string nameOf(uint64_t number) const {
    Random random(seed_, number << 2U | 3U);
    std::string name;
    for (unsigned digit = 0; digit < 32; ++digit)
      name += "0123456789abcdfghijklmnpqrsvwxyz"[random.below(32)];
    if (number == 0) return name + "-glibc-2.40-66";
    const std::string version =
        std::to_string(random.below(12)) + '.' + std::to_string(random.below(30));
    static constexpr std::array<const char*, 4> files{".drv", ".patch", ".sh", ".tar.gz.drv"};
    name += '-' + familyOf(number) + '-' + version;
    return isFile(number) ? name + files[random.below(files.size())] : name;
  }

  std::string sonameOf(uint64_t number) const {
    return number == 0 ? "libc.so.6" : "lib" + familyOf(number) + ".so.1";
  }

  // An earlier store path that is a directory.
  uint64_t earlier(Random& random, uint64_t number) const {
    if (number == 0) return 0;
    const uint64_t other = random.below(number);
    return isFile(other) ? 0 : other;
  }

  void work() {
    const uint64_t blocks = (sizes_.size() + blockSize - 1) / blockSize;
    for (;;) {
      const uint64_t block = nextBlock_.fetch_add(1);
      if (block >= blocks) return;
      // Hard-linked twins in other store paths are sought within the block only: which block comes
      // first is left to chance.
      std::vector<std::string> twins;
      const uint64_t end = std::min<uint64_t>((block + 1) * blockSize, sizes_.size());
      for (uint64_t number = block * blockSize; number < end; ++number)
        layOutPath(number, twins);
    }
  }

  void layOutPath(uint64_t number, std::vector<std::string>& twins) {
    Random random(seed_, number << 2U);
    const std::string top = nameOf(number);
    if (isFile(number)) {
      writeText(random, number, top, 0444);
      return;
    }
    makeDirectory(top);
    const std::vector<std::string> directories = makeTree(random, number, top);
    uint64_t left = sizes_[number];
    if (number == 0) left -= writeLoader(top, directories[0]);
    std::string last;
    for (uint64_t file = 0; left > 0; ++file, --left) {
      // The first ones go to lib/ and bin/, the others anywhere.
      const uint64_t place = file < 2 ? file : random.below(directories.size());
      const std::string& directory = directories[place];
      if (!last.empty() && random.oneIn(90)) {
        hardLink(last, directory + "/twin-" + std::to_string(file));
        continue;
      }
      if (!twins.empty() && random.oneIn(120)) {
        hardLink(twins[random.below(twins.size())], directory + "/shared-" + std::to_string(file));
        continue;
      }
      // lib/ and bin/ hold most ELF files; elsewhere they are plugins.
      const bool inLib = directory.ends_with("/lib");
      const bool inBin = directory.ends_with("/bin");
      const bool isElf =
          file < 2 ? number == 0 || random.oneIn(2) : random.oneIn(inLib || inBin ? 16 : 160);
      if (isElf) {
        last = writeElf(random, number, directory, file, !inBin);
      } else {
        static constexpr std::array<const char*, 8> kinds{".h",  ".hpp", ".py",   ".1.gz",
                                                          ".mo", ".txt", ".json", ""};
        last = directory + '/' + familyOf(random.below(number + 1)) + '-' + std::to_string(file) +
               kinds[random.below(kinds.size())];
        writeText(random, number, last, inBin ? 0555 : 0444);
      }
      if (random.oneIn(400)) {
        if (fchmodat(root_, last.c_str(), 0, 0) != 0) fail(last);
        ++unreadable_;
      } else if (random.oneIn(20)) {
        twins.push_back(last);
      }
    }
    makeLinks(random, number, top, directories);
  }

  // lib/ first, bin/ second; below share/ and include/, the larger the path is, the deeper it goes.
  std::vector<std::string> makeTree(Random& random, uint64_t number, const std::string& top) {
    std::vector<std::string> directories{top + "/lib", top + "/bin"};
    for (const std::string& directory : directories)
      makeDirectory(directory);
    const uint64_t more = sizes_[number] / 8;
    if (more > 0) directories.push_back(makeDirectory(top + "/share"));
    if (more > 1) directories.push_back(makeDirectory(top + "/include"));
    for (uint64_t count = 2; count < more; ++count) {
      const size_t parent = random.oneIn(4) ? 0 : 2 + random.below(directories.size() - 2);
      const std::string name = familyOf(random.below(number + 1)) + std::to_string(count);
      directories.push_back(makeDirectory(directories[parent] + '/' + name));
    }
    return directories;
  }

  void makeLinks(Random& random, uint64_t number, const std::string& top,
                 const std::vector<std::string>& directories) {
    const std::string soname = sonameOf(number);
    symbolicLink("lib", top + "/lib64");
    symbolicLink(soname + ".2.0", top + "/lib/" + soname);  // dangling where the path brings no library
    symbolicLink(soname, top + "/lib/" + soname.substr(0, soname.size() - 2));
    for (uint64_t count = sizes_[number] / 12; count > 0; --count) {
      const std::string& directory = directories[random.below(directories.size())];
      const std::string link = directory + "/link-" + std::to_string(count);
      const std::string other = "/nix/store/" + nameOf(earlier(random, number));
      switch (random.below(4)) {
        case 0:
          symbolicLink(other + "/lib", link);
          break;
        case 1:
          symbolicLink(other + "/share/gone", link);
          break;  // dangling
        default:
          symbolicLink("..", link);
          break;
      }
    }
  }

  // Sizes like those of headers, scripts and manual pages: most below 4 KB, none above 8 KB.
  void writeText(Random& random, uint64_t number, const std::string& path, mode_t mode) {
    const double fraction = random.fraction();
    const auto size = static_cast<size_t>(8192 * fraction * fraction * fraction);
    std::string text = mode == 0555 ? "#!/nix/store/" + nameOf(0) + "/bin/sh\n" : "";
    while (text.size() < size) {
      if (random.oneIn(6))
        text += "/nix/store/" + nameOf(earlier(random, number)) + "/lib\n";
      else
        text += "words " + std::to_string(random.next()) + " and lines to fill it\n";
    }
    text.resize(size);
    writeFile(path, text, mode);
  }

  std::string writeElf(Random& random, uint64_t number, const std::string& directory, uint64_t file,
                       bool isLibrary) {
    const Template* chosen = nullptr;
    do {
      chosen = &templates_[random.below(templates_.size())];
    } while (chosen->isLibrary != isLibrary);
    std::string bytes = chosen->bytes;
    const bool isMain = isLibrary && file == 0;
    const std::string soname =
        isMain ? sonameOf(number) : "lib" + familyOf(number) + '-' + std::to_string(file) + ".so";
    const std::string path = directory + '/' +
                             (isLibrary ? soname + (isMain ? ".2.0" : "")
                                        : familyOf(number) + '-' + std::to_string(file));

    overwrite(bytes, {ownName, ownName.size()}, soname);
    std::string searchPath = "$ORIGIN/../lib";
    for (char digit = '0'; digit < '4'; ++digit) {
      const uint64_t other = earlier(random, number);
      const std::string placeholder = std::string(neededName) + digit;
      if (overwrite(bytes, {placeholder, placeholder.size()}, sonameOf(other)))
        searchPath += ":/nix/store/" + nameOf(other) + "/lib";
    }
    overwrite(bytes, {pathName, pathRoom}, searchPath);
    overwrite(bytes, {loaderName, loaderRoom},
              "/nix/store/" + nameOf(0) + "/lib/ld-linux-x86-64.so.2");
    if (random.oneIn(60)) {
      damage(random, bytes);
      ++malformed_;
    }
    writeFile(path, bytes, isLibrary ? 0444 : 0555);
    ++elf_;
    return path;
  }

  // Cuts the file off, or overwrites one field of the headers. The magic bytes stay.
  static void damage(Random& random, std::string& bytes) {
    if (random.oneIn(2)) {
      bytes.resize(5 + random.below(bytes.size() - 5));
      return;
    }
    const size_t at = 16 + random.below(400);
    for (size_t byte = 0; byte < 8 && at + byte < bytes.size(); ++byte)
      bytes[at + byte] = static_cast<char>(random.next());
  }

  static bool overwrite(std::string& bytes, Placeholder placeholder, const std::string& text) {
    if (text.size() > placeholder.room) fail("no room for " + text);
    bool found = false;
    for (size_t at = bytes.find(placeholder.text); at != std::string::npos;
         at = bytes.find(placeholder.text, at)) {
      bytes.replace(at, placeholder.room, placeholder.room, '\0');
      bytes.replace(at, text.size(), text);
      found = true;
    }
    return found;
  }

  // The machine's own loader, so that the store has one that can be found.
  uint64_t writeLoader(const std::string& top, const std::string& library) {
    uint64_t written = 0;
    for (const std::string from : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}) {
      std::ifstream stream(from, std::ios::binary);
      if (!stream) continue;
      const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
      writeFile(library + from.substr(from.rfind('/')), bytes, 0555);
      ++elf_;
      ++written;
    }
    symbolicLink("../lib", top + "/bin/lib");
    return written;
  }

  void writeFile(const std::string& path, const std::string& bytes, mode_t mode) {
    const int file = openat(root_, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) fail(path);
    if (write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) fail(path);
    // Nix sets every modification time to the first second.
    const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, timespec{1, 0}};
    if (fchmod(file, mode) != 0 || futimens(file, times.data()) != 0) fail(path);
    close(file);
    bytes_ += bytes.size();
  }

  const std::string& makeDirectory(const std::string& path) {
    if (mkdirat(root_, path.c_str(), 0755) != 0) fail(path);
    ++directories_;
    return path;
  }

  void symbolicLink(const std::string& target, const std::string& path) {
    if (symlinkat(target.c_str(), root_, path.c_str()) != 0) fail(path);
    ++symbolicLinks_;
  }

  void hardLink(const std::string& from, const std::string& path) {
    if (linkat(root_, from.c_str(), root_, path.c_str(), 0) != 0) fail(path);
    ++hardLinks_;
  }

  std::string directory_;
  uint64_t seed_;
  std::vector<Template> templates_;
  std::vector<uint64_t> sizes_;
  int root_ = -1;
  std::atomic<uint64_t> nextBlock_{0};
  Counter elf_{0}, malformed_{0}, unreadable_{0}, hardLinks_{0}, symbolicLinks_{0}, directories_{1},
      bytes_{0};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fputs("usage: lay-out DIRECTORY FILES SEED TEMPLATE...\n", stderr);
    return 2;
  }
  std::vector<Template> templates;
  for (int index = 4; index < count; ++index) {
    const std::string path = arguments[index];
    std::ifstream stream(path, std::ios::binary);
    if (!stream) fail(path);
    templates.push_back(
        {{std::istreambuf_iterator<char>(stream), {}}, path.find(".so") != std::string::npos});
  }
  Store store(arguments[1], std::strtoull(arguments[2], nullptr, 10),
              std::strtoull(arguments[3], nullptr, 10), std::move(templates));
  store.layOut();
  store.report();
}
