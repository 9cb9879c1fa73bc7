#include "resolve/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <functional>

namespace fixelf {

namespace {

// What the kernel allows (MAXSYMLINKS in include/linux/namei.h).
constexpr int kMostLinks = 40;
constexpr uint64_t kMostContent = 64U << 20;
constexpr uint64_t kMostSymbolBytes = 1U << 30;

// Whether `path` is `directory` or below it.
bool atOrBelow(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return path.compare(0, directory.size(), directory) == 0 &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// The first component of `rest`, which is removed from it; empty if none is left.
std::string takeComponent(std::string& rest) {
  const size_t start = rest.find_first_not_of('/');
  if (start == std::string::npos) {
    rest.clear();
    return {};
  }
  const size_t end = rest.find('/', start);
  std::string component = rest.substr(start, end - start);
  rest = end == std::string::npos ? std::string() : rest.substr(end);
  return component;
}

// A path that no file system can have.
std::string nowhere() {
  return "/" + std::string(NAME_MAX + 1, '-');
}

void dropComponent(std::string& path) {
  const size_t slash = path.rfind('/');
  path.erase(slash == std::string::npos ? 0 : slash);
}

}  // namespace

Files::Files(std::string root) {
  if (root.empty()) return;
  if (char* real = ::realpath(root.c_str(), nullptr)) {
    root_ = real;
    std::free(real);
  } else {
    root_ = std::move(root);
  }
  while (!root_.empty() && root_.back() == '/')
    root_.pop_back();
}

void Files::passThrough(const std::string& hostDirectory) {
  std::string directory = hostDirectory;
  if (char* real = ::realpath(hostDirectory.c_str(), nullptr)) {
    directory = real;
    std::free(real);
  }
  while (directory.size() > 1 && directory.back() == '/')
    directory.pop_back();
  passThrough_.push_back(std::move(directory));
}

const std::string* Files::passThroughAbove(const std::string& path) const {
  for (const std::string& directory : passThrough_) {
    if (atOrBelow(path, directory)) return &directory;
  }
  return nullptr;
}

std::string Files::underRoot(const std::string& path) const {
  if (root_.empty() || passThroughAbove(path) != nullptr) return path.empty() ? "/" : path;
  return root_ + path;
}

std::string Files::absolute(const std::string& path) const {
  if (!path.empty() && path.front() == '/') return path;
  std::string directory;
  if (root_.empty()) {
    if (char* current = ::getcwd(nullptr, 0)) {
      directory = current;
      std::free(current);
    }
  }
  if (directory == "/") directory.clear();
  return directory + "/" + path;
}

// The kernel's walk (fs/namei.c), one component at a time, with the root as the end of "..": the
// host's own lookup would follow an absolute link of an image into the host.
Result<std::string> Files::walk(const std::string& path, std::string* stop) const {
  std::string rest = path;
  std::string resolved;
  int links = 0;
  const auto fail = [&](int number, std::string at) {
    if (stop != nullptr) *stop = std::move(at);
    return systemError(number, "look up the file", path);
  };
  const auto enterPassThrough = [&] {
    // The directories above one that is passed through need not exist under the root.
    if (const std::string* directory = passThroughAbove(rest)) {
      resolved = *directory == "/" ? std::string() : *directory;
      rest.erase(0, resolved.size());
    }
  };
  enterPassThrough();
  while (true) {
    const bool mustBeDirectory = rest.size() > 1 && rest.back() == '/';
    const std::string component = takeComponent(rest);
    if (component.empty()) break;
    if (component == ".") continue;
    if (component == "..") {
      dropComponent(resolved);
      continue;
    }
    const std::string next = resolved + "/" + component;
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(AT_FDCWD, underRoot(next).c_str(), target, sizeof target);
    if (length < 0) {
      // EINVAL: it exists and is not a link.
      if (const int number = errno; number != EINVAL) return fail(number, next + rest);
      resolved = next;
      if (!rest.empty() || mustBeDirectory) {
        struct stat status {};
        if (::lstat(underRoot(next).c_str(), &status) != 0) {
          return fail(errno, next + rest);
        }
        if (!S_ISDIR(status.st_mode)) return fail(ENOTDIR, next + rest);
      }
      continue;
    }
    if (++links > kMostLinks || length == 0 || static_cast<size_t>(length) >= sizeof target) {
      return fail(ELOOP, nowhere());
    }
    const std::string link(target, static_cast<size_t>(length));
    rest = rest.empty() ? link : link + rest;
    if (rest.size() > size_t{kMostLinks} * PATH_MAX) {
      return fail(ENAMETOOLONG, nowhere());
    }
    if (link.front() == '/') {
      resolved.clear();
      enterPassThrough();
    }
  }
  return resolved.empty() ? std::string("/") : resolved;
}

Result<std::string> Files::realPath(const std::string& path) const {
  if (path.find('\0') != std::string::npos) return systemError(ENOENT, "look up the file", path);
  const std::string whole = absolute(path);
  if (!root_.empty()) return walk(whole);
  char* real = ::realpath(whole.c_str(), nullptr);
  if (real == nullptr) return systemError(errno, "look up the file", path);
  std::string answer = real;
  std::free(real);
  return answer;
}

std::string Files::hostPath(const std::string& path) const {
  const std::string whole = absolute(path);
  std::string stop = whole;
  const bool isText = path.find('\0') == std::string::npos;
  auto real = root_.empty() || !isText ? realPath(path) : walk(whole, &stop);
  return underRoot(real ? *real : stop);
}

bool Files::isNoexec(const std::string& path) const {
  const std::string host = root_.empty() ? absolute(path) : hostPath(path);
  struct statvfs state {};
  return ::statvfs(host.c_str(), &state) == 0 && (state.f_flag & ST_NOEXEC) != 0;
}

Result<Files::Way> Files::wayTo(const std::string& path) const {
  if (path.find('\0') != std::string::npos) return systemError(ENOENT, "look up the file", path);
  // The kernel walks the whole path by itself.
  if (root_.empty() && replaced_.empty()) return Way{absolute(path), nullptr, false};
  auto real = realPath(path);
  if (real) {
    const auto replaced = replaced_.find(*real);
    return Way{underRoot(*real), replaced == replaced_.end() ? nullptr : replaced->second, false};
  }
  if (real.error().code == ErrorCode::NotFound) {
    // The plan may create it. Its directory then decides what it is called.
    std::string whole = absolute(path);
    if (const auto replaced = replaced_.find(whole); replaced != replaced_.end()) {
      return Way{std::move(whole), replaced->second, true};
    }
  }
  return real.error();
}

Lookup Files::find(const std::string& path) {
  Lookup lookup;
  const auto fail = [&](Lookup::State state, std::string message) {
    lookup.state = state;
    lookup.message = std::move(message);
    return lookup;
  };
  const auto refused = [&](int number) {
    lookup.tooManyLinks = number == ELOOP || number == ENAMETOOLONG;
    if (number == ENOENT) return fail(Lookup::Missing, "not there");
    if (number == ENOTDIR) return fail(Lookup::Missing, "part of its path is no directory");
    if (number == ELOOP) return fail(Lookup::Unreadable, "its symbolic links go in a circle");
    if (number == EACCES) return fail(Lookup::Unreadable, "permission denied");
    return fail(Lookup::Unreadable, systemError(number, "open it", {}).message);
  };
  const auto replacedBy = [&](const std::shared_ptr<const Facts>& facts) {
    lookup.state = Lookup::Elf;
    lookup.facts = facts;
    lookup.names = namesIn(*facts);
    return lookup;
  };

  const auto way = wayTo(path);
  if (!way) return refused(way.error().systemError);
  if (way->created) {
    // No device has this number; the path is its identity.
    lookup.device = UINT64_MAX;
    lookup.inode = std::hash<std::string>{}(way->host);
    return replacedBy(way->replaced);
  }
  struct stat status {};
  // Examined before it is opened: opening a device may have an effect.
  if (::stat(way->host.c_str(), &status) != 0) return refused(errno);
  lookup.device = status.st_dev;
  lookup.inode = status.st_ino;
  lookup.mode = status.st_mode;
  if (way->replaced) return replacedBy(way->replaced);
  if (S_ISDIR(status.st_mode)) return fail(Lookup::NotRegular, "it is a directory");
  if (S_ISFIFO(status.st_mode)) return fail(Lookup::NotRegular, "it is a FIFO");
  if (!S_ISREG(status.st_mode)) return fail(Lookup::NotRegular, "it is not a regular file");

  // A library is looked up under the name of its link as well as its own.
  const Version version{status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
                        FileSource::nanoseconds(status.st_mtim),
                        FileSource::nanoseconds(status.st_ctim)};
  const Reading& reading = readings_.of(version, [&] { return read(way->host, path); });
  if (reading.systemError != 0) return refused(reading.systemError);
  lookup.facts = reading.facts;
  lookup.names = reading.names;
  return fail(reading.state, reading.message);
}

void Files::note(const Error& error) {
  if (isShortage(error)) shortage_ = error.systemError;
}

Status Files::demandWhole() const {
  if (const int number = shortage_) return systemError(number, "open a file", {});
  return Done{};
}

Files::Reading Files::read(const std::string& host, const std::string& path) {
  thread_local ReadWindows windows;
  Reading reading;
  auto source = FileSource::open(host, windows);
  if (!source) {
    note(source.error());
    const bool regular = source.error().code != ErrorCode::NotRegular;
    reading.state = Lookup::NotRegular;
    reading.message = source.error().message;
    reading.systemError = regular ? source.error().systemError : 0;
    return reading;
  }
  auto facts = readFacts(**source, path);
  if (facts) {
    reading.state = Lookup::Elf;
    reading.facts = std::make_shared<const Facts>(std::move(*facts));
    reading.names = namesIn(*reading.facts);
    return reading;
  }
  note(facts.error());
  reading.message = facts.error().message;
  switch (facts.error().code) {
    case ErrorCode::NotElf:
      reading.state = Lookup::NotElf;
      break;
    case ErrorCode::Truncated:
    case ErrorCode::Malformed:
    case ErrorCode::Unsupported:
    case ErrorCode::LimitExceeded:
      reading.state = Lookup::Malformed;
      break;
    default:
      reading.state = Lookup::Unreadable;
  }
  return reading;
}

bool LoadedNames::defines(Interned version) const {
  return std::binary_search(versionsDefined.begin(), versionsDefined.end(), version);
}

std::shared_ptr<const LoadedNames> Files::namesIn(const Facts& facts) {
  auto names = std::make_shared<LoadedNames>();
  if (facts.soname) names->soname = interned(*facts.soname);
  names->dependencies.reserve(facts.dependencyOrder.size());
  auto needed = facts.needed.begin();
  auto auxiliary = facts.auxiliary.begin();
  auto filter = facts.filter.begin();
  for (const DependencyKind kind : facts.dependencyOrder) {
    auto& next = kind == DependencyKind::Needed   ? needed
                 : kind == DependencyKind::Filter ? filter
                                                  : auxiliary;
    names->dependencies.push_back({kind, interned(*next++)});
  }
  for (const NeededVersions& need : facts.versionsNeeded) {
    auto& entry = names->versionsNeeded.emplace_back();
    entry.library = interned(need.library);
    entry.versions.reserve(need.versions.size());
    for (const NeededVersion& version : need.versions)
      entry.versions.push_back({interned(version.name), version.weak, version.hashed});
  }
  names->versionsDefined.reserve(facts.versionsDefined.size() + 1);
  for (const std::string& version : facts.versionsDefined)
    names->versionsDefined.push_back(interned(version));
  if (facts.versionBase) names->versionsDefined.push_back(interned(*facts.versionBase));
  std::sort(names->versionsDefined.begin(), names->versionsDefined.end());
  return names;
}

const Lookup& Files::look(Interned path) {
  return lookups_.of(path, [&] { return find(*path); });
}

bool Files::directoryExists(const std::string& path) {
  return directories_.of(path, [&] {
    struct stat status {};
    const auto real = realPath(path);
    return real && ::stat(underRoot(*real).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  });
}

std::shared_ptr<const std::vector<uint8_t>> Files::content(const std::string& path) {
  using Content = std::shared_ptr<const std::vector<uint8_t>>;
  return contents_.of(path, [&]() -> Content {
    const auto real = realPath(path);
    if (!real) return nullptr;
    auto source = FileSource::open(underRoot(*real));
    if (!source) {
      note(source.error());
      return nullptr;
    }
    auto bytes = (*source)->bytes(0, (*source)->size(), kMostContent);
    if (!bytes) {
      note(bytes.error());
      return nullptr;
    }
    return std::make_shared<const std::vector<uint8_t>>(std::move(*bytes));
  });
}

std::shared_ptr<const SymbolTable> Files::symbols(Interned path) {
  using Table = std::shared_ptr<const SymbolTable>;
  return symbols_.of(path, [&]() -> Table {
    if (symbolBytes_.load() > kMostSymbolBytes) return nullptr;
    const auto source = FileSource::open(hostPath(*path));
    if (!source) return nullptr;
    const auto image = Image::read(**source);
    if (!image) return nullptr;
    auto table = SymbolTable::read(**source, *image);
    if (!table) return nullptr;
    symbolBytes_ += table->bytes();
    return std::make_shared<const SymbolTable>(std::move(*table));
  });
}

void Files::replace(const std::string& path, Facts facts) {
  auto real = realPath(path);
  replaced_[real ? *real : absolute(path)] = std::make_shared<const Facts>(std::move(facts));
  lookups_.clear();
}

}  // namespace fixelf
