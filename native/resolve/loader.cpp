#include "resolve/loader.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <tuple>

namespace fixelf {

namespace {

constexpr size_t kMostDirectories = 4096;

std::string baseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// For when the file itself does not show it.
LoaderProfile::Libc libcByName(const std::string& path) {
  const std::string name = baseName(path);
  if (name.starts_with("ld-musl-")) return LoaderProfile::Musl;
  // ld-linux*.so.N, ld.so.1, ld64.so.N and, before 2.34, ld-2.N.so.
  for (const char* prefix : {"ld-linux", "ld.so", "ld64.so", "ld-2."}) {
    if (name.starts_with(prefix)) return LoaderProfile::Glibc;
  }
  return LoaderProfile::Unknown;
}

bool isPrintable(char character) {
  return character >= 0x20 && character < 0x7f;
}

// Calls visit(text, followsText) for each NUL-terminated printable text; `followsText` is whether
// the text before it ended at the preceding byte, as in a table.
template <class Visit>
void visitTexts(const std::vector<uint8_t>& bytes, Visit visit) {
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_t previousEnd = SIZE_MAX;
  size_t at = 0;
  // Backwards from each NUL: most of a loader is code, where few bytes before one are text.
  for (size_t nul = whole.find('\0'); nul != whole.npos; nul = whole.find('\0', at)) {
    size_t start = nul;
    while (start > at && isPrintable(whole[start - 1]))
      --start;
    at = nul + 1;
    if (start < nul) {
      visit(whole.substr(start, nul - start), start == previousEnd);
      previousEnd = at;
    }
    while (at < whole.size() && whole[at] == '\0')
      ++at;
  }
}

// _dl_hwcaps_subdirs (sysdeps/*/dl-hwcaps_subdirs.c), one text with colons between the names.
bool isLevelList(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         (text.starts_with("x86-64-v") || text.starts_with("power") || text.starts_with("z1"));
}

// The banner for --version, which loaders have had since 2.33: "ld.so (Debian GLIBC 2.36-9) stable
// release version 2.36.", and more on other lines.
void readBanner(std::string_view text, LoaderProfile& profile) {
  constexpr std::string_view kWords = "release version 2.";
  const size_t start = text.find("ld.so (");
  if (start == std::string_view::npos) return;
  const std::string_view banner = text.substr(start, text.find('\n', start) - start);
  const size_t at = banner.find(kWords);
  if (at == std::string_view::npos) return;
  for (const char digit : banner.substr(at + kWords.size(), 3)) {
    if (digit < '0' || digit > '9') break;
    profile.glibcMinor = profile.glibcMinor * 10 + static_cast<unsigned>(digit - '0');
  }
  profile.skipsByteOrder = banner.find("(Debian ") != std::string_view::npos ||
                           banner.find("(Ubuntu ") != std::string_view::npos;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// `system_dirs` of glibc's elf/dl-load.c: "/lib/\0/usr/lib/\0", each with a trailing slash. The
// table may be in the file twice, once behind other texts that hide its start, so the longest run
// counts.
void readGlibc(const std::vector<uint8_t>& bytes, LoaderProfile& profile) {
  readBanner({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, profile);
  std::vector<std::string> run;
  std::vector<std::string> longest;
  const auto finish = [&] {
    if (run.size() > longest.size()) longest = run;
    run.clear();
  };
  visitTexts(bytes, [&](std::string_view text, bool followsText) {
    const bool directory = text.size() > 2 && text.front() == '/' && text.back() == '/' &&
                           text.find("/lib") != std::string_view::npos;
    if (!directory || !followsText) finish();
    if (directory && run.size() < kMostDirectories) {
      run.emplace_back(text.substr(0, text.size() - 1));
    }
    if (profile.hardwareLevels.empty() && isLevelList(text)) {
      profile.hardwareLevels = split(text, ':');
    }
    if (text.front() != '/') return;
    if (profile.cachePath.empty() && text.ends_with("/ld.so.cache")) profile.cachePath = text;
    if (profile.preloadPath.empty() && text.ends_with(".so.preload")) profile.preloadPath = text;
  });
  finish();
  profile.defaultDirectories = std::move(longest);
}

// DL_DST_LIB is the last part of the library directory, on Debian with its multiarch name:
// "lib64", "lib/x86_64-linux-gnu". The first default directory ends with it.
std::string libTokenOf(const std::string& directory) {
  size_t at = directory.find("/lib");
  while (at != std::string::npos) {
    const std::string_view rest = std::string_view(directory).substr(at + 1);
    const std::string_view component = rest.substr(0, rest.find('/'));
    if (component == "lib" || component == "lib32" || component == "lib64" ||
        component == "libx32") {
      return std::string(rest);
    }
    at = directory.find("/lib", at + 1);
  }
  return "lib";
}

// What it prints without arguments (ldso/dynlink.c). On NixOS it is also called libc.so.
bool isMusl(const std::vector<uint8_t>& bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find("musl libc (") != std::string_view::npos;
}

// ldso/dynlink.c, load_library: "%.*s/etc/ld-musl-" LDSO_ARCH ".path", preceded by the prefix.
std::string muslPathFile(const std::vector<uint8_t>* bytes, const std::string& path) {
  constexpr std::string_view kPrefix = "%.*s";
  std::string file;
  if (bytes != nullptr) {
    visitTexts(*bytes, [&](std::string_view text, bool) {
      if (text.starts_with(kPrefix) && text.ends_with(".path")) file = text.substr(kPrefix.size());
    });
  }
  if (!file.empty()) return file;
  const std::string name = baseName(path);
  return "/etc/" + name.substr(0, name.find(".so")) + ".path";
}

// The version is a text of its own: "1.2.3".
bool isBefore124(const std::vector<uint8_t>& bytes) {
  bool before = false;
  visitTexts(bytes, [&](std::string_view text, bool) {
    if (text.size() > 8 || text.front() < '0' || text.front() > '9') return;
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    int end = 0;
    // NOLINTNEXTLINE(cert-err34-c): a number that is too large is no version of musl
    const int read = std::sscanf(text.data(), "%u.%u.%u%n", &major, &minor, &patch, &end);
    if (read == 3 && static_cast<size_t>(end) == text.size())
      before = std::tie(major, minor, patch) < std::tuple(1U, 2U, 4U);
  });
  return before;
}

void readMusl(Files& files, const std::vector<uint8_t>* loader, LoaderProfile& profile) {
  // The prefix is what precedes the loader's last directory.
  std::string prefix;
  size_t slash = profile.path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    slash = profile.path.rfind('/', slash - 1);
    if (slash != std::string::npos) prefix = profile.path.substr(0, slash);
  }
  const std::string file = prefix + muslPathFile(loader, profile.path);
  std::string paths = "/lib:/usr/local/lib:/usr/lib";
  if (files.look(file).state != Lookup::Missing) {
    const auto bytes = files.content(file);
    paths = bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
    paths.resize(std::min(paths.size(), paths.find('\0')));
  }
  size_t at = 0;
  while (at < paths.size() && profile.defaultDirectories.size() < kMostDirectories) {
    const size_t end = std::min(paths.find_first_of(":\n", at), paths.size());
    if (end > at) profile.defaultDirectories.push_back(paths.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

const char* libcName(LoaderProfile::Libc libc) {
  switch (libc) {
    case LoaderProfile::Glibc:
      return "glibc";
    case LoaderProfile::Musl:
      return "musl";
    case LoaderProfile::Unknown:
      return "unknown";
  }
  return "unknown";
}

LoaderProfile loaderProfile(Files& files, const std::string& interpreterPath,
                            const Facts& program) {
  LoaderProfile profile;
  profile.path = interpreterPath;
  profile.libc = libcByName(interpreterPath);
  const bool present = !interpreterPath.empty() && files.look(interpreterPath).state == Lookup::Elf;
  const auto bytes = present ? files.content(interpreterPath) : nullptr;
  if (bytes && isMusl(*bytes)) profile.libc = LoaderProfile::Musl;
  if (profile.libc == LoaderProfile::Musl) {
    profile.mayIgnorePackedRelocations = bytes && isBefore124(*bytes);
    readMusl(files, bytes.get(), profile);
    return profile;
  }
  if (bytes) {
    readGlibc(*bytes, profile);
    if (!profile.cachePath.empty()) profile.libc = LoaderProfile::Glibc;
  }
  if (profile.defaultDirectories.empty()) {
    // The defaults of elf/dl-load.c and the GNU coding standards; 64-bit ports that share a machine
    // with a 32-bit one add lib64 (sysdeps/*/configure.ac, slibdir).
    if (program.header.fileClass == Class::Elf64) {
      profile.defaultDirectories = {"/lib64", "/usr/lib64"};
    }
    profile.defaultDirectories.insert(profile.defaultDirectories.end(), {"/lib", "/usr/lib"});
    profile.cachePath = "/etc/ld.so.cache";
    profile.preloadPath = "/etc/ld.so.preload";
    profile.note = present ? "the loader's default directories could not be read from it, so the "
                             "usual ones are assumed"
                           : "the loader is not there to be read, so the usual default directories "
                             "are assumed";
  }
  profile.libToken = libTokenOf(profile.defaultDirectories.front());
  return profile;
}

std::string usualInterpreter(const Facts& library) {
  const FileHeader& header = library.header;
  const bool wide = header.fileClass == Class::Elf64;
  const bool little = header.byteOrder == ByteOrder::Little;
  const bool musl = std::any_of(
      library.needed.begin(), library.needed.end(),
      [](const std::string& name) { return name == "libc.so" || name.starts_with("libc.musl-"); });
  const char* name = nullptr;
  // Each port's shlib-versions (ld=...) in glibc; ldso names in musl's configure and reloc.h.
  switch (header.machine) {
    case EM_X86_64:
      if (musl) return wide ? "/lib/ld-musl-x86_64.so.1" : "/lib/ld-musl-x32.so.1";
      name = wide ? "/lib64/ld-linux-x86-64.so.2" : "/libx32/ld-linux-x32.so.2";
      break;
    case EM_386:
      return musl ? "/lib/ld-musl-i386.so.1" : "/lib/ld-linux.so.2";
    case EM_AARCH64:
      if (musl) return little ? "/lib/ld-musl-aarch64.so.1" : "/lib/ld-musl-aarch64_be.so.1";
      name = little ? "/lib/ld-linux-aarch64.so.1" : "/lib/ld-linux-aarch64_be.so.1";
      break;
    case EM_ARM: {
      const bool hard = (header.flags & EF_ARM_ABI_FLOAT_HARD) != 0;
      if (musl) return hard ? "/lib/ld-musl-armhf.so.1" : "/lib/ld-musl-arm.so.1";
      name = hard ? "/lib/ld-linux-armhf.so.3" : "/lib/ld-linux.so.3";
      break;
    }
    case EM_PPC64:
      if (musl) return little ? "/lib/ld-musl-powerpc64le.so.1" : "/lib/ld-musl-powerpc64.so.1";
      name = (header.flags & 3) == 2 || little ? "/lib64/ld64.so.2" : "/lib64/ld64.so.1";
      break;
    case EM_PPC:
      return musl ? "/lib/ld-musl-powerpc.so.1" : "/lib/ld.so.1";
    case EM_S390:
      if (musl) return "/lib/ld-musl-s390x.so.1";
      name = wide ? "/lib/ld64.so.1" : "/lib/ld.so.1";
      break;
    case EM_RISCV:
      if (musl) return wide ? "/lib/ld-musl-riscv64.so.1" : "/lib/ld-musl-riscv32.so.1";
      name = (header.flags & 6) == 4
                 ? (wide ? "/lib/ld-linux-riscv64-lp64d.so.1" : "/lib/ld-linux-riscv32-ilp32d.so.1")
                 : (wide ? "/lib/ld-linux-riscv64-lp64.so.1" : "/lib/ld-linux-riscv32-ilp32.so.1");
      break;
    case EM_MIPS:
      if (musl) {
        return std::string("/lib/ld-musl-mips") + (wide ? "64" : "") + (little ? "el" : "") +
               ".so.1";
      }
      name = wide                                 ? "/lib64/ld.so.1"
             : (header.flags & EF_MIPS_ABI2) != 0 ? "/lib32/ld.so.1"
                                                  : "/lib/ld.so.1";
      break;
    case 258:  // EM_LOONGARCH
      if (musl) return "/lib/ld-musl-loongarch64.so.1";
      name = "/lib64/ld-linux-loongarch-lp64d.so.1";
      break;
    default:
      return {};
  }
  return name;
}

}  // namespace fixelf
