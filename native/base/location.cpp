#include "base/location.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string_view>
#include <vector>

namespace fixelf {

namespace {

// Where a path's last component begins.
size_t nameStart(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? 0 : slash + 1;
}

Descriptor openAt(int directory, const std::string& name, int flags) {
  return Descriptor(uninterrupted(
      [&] { return openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC); }));
}

// The components of a path, without "" and ".".
std::vector<std::string> componentsOf(std::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    const size_t length = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, length);
    if (!component.empty() && component != ".") components.emplace_back(component);
    path.remove_prefix(std::min(length + 1, path.size()));
  }
  return components;
}

Descriptor openComponentByComponent(const std::string& path, int flags) {
  std::vector<std::string> components = componentsOf(path);
  std::string last = ".";
  if (!components.empty()) {
    last = std::move(components.back());
    components.pop_back();
  }
  Descriptor at = openAt(AT_FDCWD, path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY);
  for (const std::string& component : components) {
    if (!at) return at;
    at = openAt(at.get(), component, O_PATH | O_DIRECTORY);
  }
  return at ? openAt(at.get(), last, flags) : std::move(at);
}

}  // namespace

Descriptor openWithoutLinks(const std::string& path, int flags) {
  for (const std::string& component : componentsOf(path)) {
    if (component != "..") continue;
    errno = EINVAL;
    return {};
  }
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.resolve = RESOLVE_NO_SYMLINKS;
  Descriptor found(static_cast<int>(uninterrupted(
      [&] { return syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how); })));
  // A sandbox that does not know the call may return EPERM, which the kernel would not.
  if (!found && (errno == ENOSYS || errno == EPERM)) return openComponentByComponent(path, flags);
  return found;
}

Result<Location> Location::of(const std::string& path) {
  std::string name = path.substr(nameStart(path));
  const std::string parent = nameStart(path) == 0 ? "." : path.substr(0, nameStart(path));
  Descriptor directory = openWithoutLinks(parent, O_RDONLY | O_DIRECTORY);
  const bool isReadable = static_cast<bool>(directory);
  if (!directory && errno == EACCES) directory = openWithoutLinks(parent, O_PATH | O_DIRECTORY);
  // Also ENOTDIR: O_NOFOLLOW with O_DIRECTORY gives that for a link.
  if (!directory && (errno == ELOOP || errno == ENOTDIR)) {
    return Error{ErrorCode::Changed,
                 "one of its directories has been replaced by a symbolic link or a file", path,
                 errno};
  }
  if (!directory) return systemError(errno, "open the directory", parent);
  return Location(std::move(directory), isReadable, path, std::move(name));
}

Descriptor Location::open(int flags) const {
  return openAt(directory_.get(), name_, flags);
}

Status Location::demandFlushable() const {
  if (isReadable_) return Done{};
  return systemError(EACCES, "open the directory", path_.substr(0, nameStart(path_)));
}

namespace {

// What is still to be walked: a component, or the end of a link's target.
struct Step {
  std::string component;
  struct Link {
    std::string path;
    uid_t owner = 0;
  };
  std::optional<Link> link;
};

std::string describeUser(uid_t user) {
  return "user " + std::to_string(user);
}

Error foreignLink(const Step::Link& link, const std::string& target, uid_t owner) {
  return Error{ErrorCode::PermissionDenied,
               link.path + " is a symbolic link of " + describeUser(link.owner) + " to " + target +
                   ", which belongs to " + describeUser(owner) +
                   ": links of other users are only followed to what is theirs",
               link.path, 0};
}

Result<std::string> targetOf(const Descriptor& link, const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlinkat(link.get(), "", target.data(), target.size());
  if (length < 0) return systemError(errno, "read the symbolic link", path);
  return std::string(target.data(), static_cast<size_t>(length));
}

// Whether it is one of the kernel's links to what this process has open.
bool isOwnOpenFile(const std::string& link) {
  return link.starts_with("/proc/" + std::to_string(getpid()) + "/") &&
         link.find("/fd/") != std::string::npos;
}

Result<std::string> walk(const std::string& named, const Passed& passed, bool mayBeMissing) {
  constexpr int kMostLinks = 40;  // MAXSYMLINKS (include/linux/namei.h)
  std::string path;               // of `at`; empty for the root
  std::vector<Step> steps;        // the next one last
  const auto add = [&](const std::string& more) {
    const std::vector<std::string> components = componentsOf(more);
    for (auto component = components.rbegin(); component != components.rend(); ++component)
      steps.push_back({*component, std::nullopt});
  };
  // Whether nothing is left to be walked.
  const auto isLast = [&] {
    return std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.link; });
  };
  const auto tell = [&](const std::string& at, const struct stat& state) {
    if (passed) passed(at.empty() ? "/" : at, state);
  };
  add(named);
  if (!named.starts_with('/')) {
    std::array<char, PATH_MAX> current{};
    if (getcwd(current.data(), current.size()) == nullptr)
      return systemError(errno, "find the working directory", named);
    add(current.data());
  }
  int links = 0;
  Descriptor at = openAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  struct stat state {};
  if (at && fstat(at.get(), &state) == 0) tell(path, state);
  while (at && !steps.empty()) {
    const Step step = std::move(steps.back());
    steps.pop_back();
    if (step.component == "..") path.resize(path.empty() ? 0 : path.rfind('/'));
    Descriptor next = step.link ? Descriptor() : openAt(at.get(), step.component, O_PATH);
    if (!step.link && !next) {
      if (errno != ENOENT || !mayBeMissing || !isLast())
        return systemError(errno, "open the file", named);
      if (named.ends_with('/')) return systemError(EISDIR, "open the file", named);
      // For a link that leads there, the directory's owner then counts.
      path += "/" + step.component;
      continue;
    }
    if (fstat(step.link ? at.get() : next.get(), &state) != 0)
      return systemError(errno, "examine the file", named);
    if (step.link) {
      if (state.st_uid != step.link->owner)
        return foreignLink(*step.link, path.empty() ? "/" : path, state.st_uid);
      continue;
    }
    const std::string here = step.component == ".." ? path : path + "/" + step.component;
    tell(here, state);
    if (!S_ISLNK(state.st_mode)) {
      path = here;
      at = std::move(next);
      continue;
    }
    if (++links > kMostLinks) return systemError(ELOOP, "open the file", named);
    if (mayBeMissing && isLast() && isOwnOpenFile(here)) {
      path = here;
      at = std::move(next);
      continue;
    }
    auto target = targetOf(next, here);
    if (!target) return target.error();
    if (state.st_uid != 0 && state.st_uid != geteuid())
      steps.push_back({{}, Step::Link{here, state.st_uid}});
    add(*target);
    if (target->starts_with('/')) {
      at = openAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
      path.clear();
    }
  }
  if (!at) return systemError(errno, "open the file", named);
  // As open(2) puts it, with O_CREAT and without.
  if (named.ends_with('/') && !S_ISDIR(state.st_mode))
    return systemError(mayBeMissing ? EISDIR : ENOTDIR, "open the file", named);
  return path.empty() ? "/" : path;
}

}  // namespace

Result<std::string> realPath(const std::string& named, const Passed& passed) {
  return walk(named, passed, false);
}

Result<std::string> realTarget(const std::string& named) {
  return walk(named, {}, true);
}

bool isOpenAlready(const std::string& target) {
  return isOwnOpenFile(target);
}

Result<Descriptor> makeDirectories(const std::string& named, mode_t mode, const MayMake& mayMake) {
  std::string above = named;
  std::vector<std::string> missing;  // the deepest first
  auto real = realPath(above);
  while (!real && real.error().code == ErrorCode::NotFound &&
         above.find_first_not_of('/') != std::string::npos) {
    above.erase(above.find_last_not_of('/') + 1);
    const size_t start = nameStart(above);
    missing.push_back(above.substr(start));
    above.erase(start);
    real = realPath(above.empty() ? "." : above);
  }
  if (!real) return real.error();
  Descriptor at = openWithoutLinks(*real, O_PATH | O_DIRECTORY);
  if (at && !missing.empty() && mayMake) {
    if (Status status = mayMake(at.get(), *real); !status) return status.error();
  }
  for (; at && !missing.empty(); missing.pop_back()) {
    const std::string& name = missing.back();
    if (mkdirat(at.get(), name.c_str(), mode) != 0 && errno != EEXIST)
      return systemError(errno, "make the directory", named);
    at = openAt(at.get(), name, O_PATH | O_DIRECTORY);
  }
  if (at) at = openAt(at.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!at) return systemError(errno, "open the directory", named);
  return at;
}

}  // namespace fixelf
