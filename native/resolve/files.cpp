#include "resolve/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <functional>

namespace fixelf {

namespace {

// What the kernel allows (MAXSYMLINKS in include/linux/namei.h).
constexpr int kMostLinks = 40;
constexpr uint64_t kMostContent = 64U << 20;

// Whether `path` is `directory` or lies below it.
bool atOrBelow(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return path.compare(0, directory.size(), directory) == 0 &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// The first component of `rest`, which is removed from it; empty where none is left.
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
Result<std::string> Files::walk(const std::string& path) const {
  std::string rest = path;
  std::string resolved;
  int links = 0;
  const auto enterPassThrough = [&] {
    // The directories above a passed-through one need not exist under the root.
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
      // EINVAL: it is there and no link.
      if (errno != EINVAL) return systemError(errno, "look up the file", path);
      resolved = next;
      if (!rest.empty() || mustBeDirectory) {
        struct stat status {};
        if (::lstat(underRoot(next).c_str(), &status) != 0) {
          return systemError(errno, "look up the file", path);
        }
        if (!S_ISDIR(status.st_mode)) return systemError(ENOTDIR, "look up the file", path);
      }
      continue;
    }
    if (++links > kMostLinks || length == 0 || static_cast<size_t>(length) >= sizeof target) {
      return systemError(ELOOP, "look up the file", path);
    }
    const std::string link(target, static_cast<size_t>(length));
    rest = rest.empty() ? link : link + rest;
    if (rest.size() > size_t{kMostLinks} * PATH_MAX) {
      return systemError(ENAMETOOLONG, "look up the file", path);
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
  auto real = realPath(path);
  return underRoot(real ? *real : absolute(path));
}

Lookup Files::read(const std::string& path, std::string& realName) const {
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

  auto real = realPath(path);
  if (!real) {
    if (real.error().code == ErrorCode::NotFound) {
      // The plan may create it. Its directory decides what it is called then.
      if (auto found = replaced_.find(absolute(path)); found != replaced_.end()) {
        lookup.state = Lookup::Elf;
        lookup.facts = found->second;
        // No device has this number; the path is its identity.
        lookup.device = UINT64_MAX;
        lookup.inode = std::hash<std::string>{}(found->first);
        return lookup;
      }
    }
    return refused(real.error().systemError);
  }
  realName = *real;
  const std::string host = underRoot(*real);
  struct stat status {};
  // Looked at before it is opened: opening a device may do something.
  if (::stat(host.c_str(), &status) != 0) return refused(errno);
  lookup.device = status.st_dev;
  lookup.inode = status.st_ino;
  lookup.mode = status.st_mode;
  if (auto found = replaced_.find(*real); found != replaced_.end()) {
    lookup.state = Lookup::Elf;
    lookup.facts = found->second;
    return lookup;
  }
  if (S_ISDIR(status.st_mode)) return fail(Lookup::NotRegular, "it is a directory");
  if (S_ISFIFO(status.st_mode)) return fail(Lookup::NotRegular, "it is a FIFO");
  if (!S_ISREG(status.st_mode)) return fail(Lookup::NotRegular, "it is not a regular file");

  auto source = FileSource::open(host);
  if (!source) {
    if (source.error().code == ErrorCode::NotRegular) {
      return fail(Lookup::NotRegular, source.error().message);
    }
    return refused(source.error().systemError);
  }
  auto facts = readFacts(**source, path);
  if (facts) {
    lookup.state = Lookup::Elf;
    lookup.facts = std::make_shared<const Facts>(std::move(*facts));
    return lookup;
  }
  switch (facts.error().code) {
    case ErrorCode::NotElf:
      return fail(Lookup::NotElf, facts.error().message);
    case ErrorCode::Truncated:
    case ErrorCode::Malformed:
    case ErrorCode::Unsupported:
    case ErrorCode::LimitExceeded:
      return fail(Lookup::Malformed, facts.error().message);
    default:
      return fail(Lookup::Unreadable, facts.error().message);
  }
}

const Lookup& Files::look(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (auto found = lookups_.find(path); found != lookups_.end()) return found->second;
  }
  // Read without the lock; where two threads read the same file, the first answer stays. An
  // unordered_map's elements never move.
  std::string real;
  Lookup lookup = read(path, real);
  const std::lock_guard lock(mutex_);
  const auto [at, isNew] = lookups_.try_emplace(path, std::move(lookup));
  if (isNew && !real.empty()) names_[real].push_back(path);
  return at->second;
}

bool Files::directoryExists(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (auto found = directories_.find(path); found != directories_.end()) return found->second;
  }
  struct stat status {};
  auto real = realPath(path);
  const bool exists =
      real && ::stat(underRoot(*real).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  const std::lock_guard lock(mutex_);
  return directories_.try_emplace(path, exists).first->second;
}

std::shared_ptr<const std::vector<uint8_t>> Files::content(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (auto found = contents_.find(path); found != contents_.end()) return found->second;
  }
  std::shared_ptr<const std::vector<uint8_t>> content;
  if (auto real = realPath(path)) {
    if (auto source = FileSource::open(underRoot(*real))) {
      if (auto bytes = (*source)->bytes(0, (*source)->size(), kMostContent)) {
        content = std::make_shared<const std::vector<uint8_t>>(std::move(*bytes));
      }
    }
  }
  const std::lock_guard lock(mutex_);
  return contents_.try_emplace(path, std::move(content)).first->second;
}

void Files::replace(const std::string& path, Facts facts) {
  auto real = realPath(path);
  const std::lock_guard lock(mutex_);
  replaced_[real ? *real : absolute(path)] = std::make_shared<const Facts>(std::move(facts));
  if (!real) {
    // It may be what names are found by that were not.
    lookups_.clear();
    names_.clear();
    return;
  }
  // The others are as they were: a plan replaces thousands.
  if (const auto names = names_.find(*real); names != names_.end()) {
    for (const std::string& name : names->second)
      lookups_.erase(name);
    names_.erase(names);
  }
}

}  // namespace fixelf
