#include "watch/trees.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>

namespace fixelf {

namespace {

// The events wanted for each directory. Not IN_MODIFY: a download would fill the queue with it.
constexpr uint32_t kInTree = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK;
// What may bring an awaited root nearer, or remove the directory in which it is awaited.
constexpr uint32_t kAboveRoot = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

// At most this many arrivals are handed on at once; more would only wait longer.
constexpr size_t kMostAtOnce = 8192;

bool isDirectory(const std::string& path) {
  struct stat state {};
  return lstat(path.c_str(), &state) == 0 && S_ISDIR(state.st_mode);
}

std::string parentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string joined(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

Result<WatchedTrees> WatchedTrees::open(std::vector<std::string> roots) {
  auto inotify = Inotify::open();
  if (!inotify) return inotify.error();
  Descriptor wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return systemError(errno, "watch directories", {});
  return WatchedTrees(std::move(*inotify), std::move(wake), std::move(roots));
}

WatchedTrees::WatchedTrees(Inotify inotify, Descriptor wake, std::vector<std::string> roots)
    : inotify_(std::move(inotify)), wake_(std::move(wake)), roots_(roots.begin(), roots.end()) {}

void WatchedTrees::poke() const {
  const uint64_t one = 1;
  // It fails only if the counter is full: the thread will then wake up all the same.
  (void)!::write(wake_.get(), &one, sizeof one);
}

void WatchedTrees::refresh() {
  refresh_->store(true);
  poke();
}

void WatchedTrees::stop() {
  stopped_->store(true);
  poke();
}

Result<std::vector<Arrival>> WatchedTrees::next() {
  arrivals_.clear();
  while (arrivals_.empty() && !*stopped_) {
    if (refresh_->exchange(false)) {
      lookAtRoots();
      if (!arrivals_.empty()) break;
    }
    std::array<pollfd, 2> ready = {pollfd{inotify_.descriptor(), POLLIN, 0},
                                   pollfd{wake_.get(), POLLIN, 0}};
    if (uninterrupted([&] { return ::poll(ready.data(), ready.size(), -1); }) < 0) {
      return systemError(errno, "wait for what happens in the directories", {});
    }
    uint64_t pokes = 0;
    (void)!::read(wake_.get(), &pokes, sizeof pokes);
    while (arrivals_.size() < kMostAtOnce && !*stopped_) {
      auto events = inotify_.read();
      if (!events) return events.error();
      if (events->empty()) break;
      for (const InotifyEvent& event : *events)
        take(event);
    }
    if (!missing_.empty()) lookForRoots();
  }
  return std::move(arrivals_);
}

void WatchedTrees::tell(Arrival::Kind kind, const std::string& path) {
  // A file that is written in many small pieces is closed many times.
  if (!arrivals_.empty() && arrivals_.back().kind == kind && arrivals_.back().path == path) return;
  arrivals_.push_back({kind, path, {}});
}

void WatchedTrees::lookAtRoots() {
  const std::unordered_map<int, std::string> before = std::move(paths_);
  paths_.clear();
  watches_.clear();
  for (const std::string& root : roots_) {
    if (isDirectory(root)) {
      const bool isNew = missing_.erase(root) != 0 || lost_;
      addTree(root, false);
      if (isNew) tell(Arrival::Present, root);
    } else if (missing_.insert(root).second) {
      tell(Arrival::Absent, root);
    }
  }
  lost_ = false;
  for (const auto& [watch, path] : before) {
    if (paths_.count(watch) == 0 && sentinels_.count(watch) == 0) inotify_.remove(watch);
  }
  if (!missing_.empty()) lookForRoots();
}

void WatchedTrees::lookForRoots() {
  const std::set<std::string> missing = missing_;
  for (const std::string& root : missing) {
    awaitRoot(root);
    if (!isDirectory(root)) continue;
    missing_.erase(root);
    tell(Arrival::Present, root);
    addTree(root, true);
  }
  if (!missing_.empty()) return;
  for (const auto& [watch, path] : sentinels_) {
    if (paths_.count(watch) == 0) inotify_.remove(watch);
  }
  sentinels_.clear();
}

// Watches the nearest directory above a root. What came between the check and the watch is found by
// checking again; each iteration means that one more directory was made meanwhile.
void WatchedTrees::awaitRoot(const std::string& root) {
  std::string watched;
  while (true) {
    std::string above = parentOf(root);
    while (above != "/" && !isDirectory(above))
      above = parentOf(above);
    if (above == watched) return;
    const auto watch = inotify_.add(above, kAboveRoot);
    if (watch) sentinels_[*watch] = above;
    watched = above;
  }
}

void WatchedTrees::addTree(const std::string& top, bool told) {
  std::vector<std::string> waiting = {top};
  while (!waiting.empty() && !*stopped_) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    // Even if it cannot be watched: what is in it now still counts.
    addDirectory(directory);
    list(directory, told, waiting);
  }
}

bool WatchedTrees::addDirectory(const std::string& path) {
  auto watch = inotify_.add(path, kInTree);
  if (!watch) {
    Error& failure = watch.error();
    // It has vanished, or is not a directory: nothing is missed.
    if (failure.code == ErrorCode::NotFound) return false;
    if (failure.systemError == ENOSPC) failure.code = ErrorCode::LimitExceeded;
    arrivals_.push_back({Arrival::Unwatched, path, std::move(failure)});
    return false;
  }
  // The same directory under its old name, or another one under this name.
  if (const auto known = paths_.find(*watch); known != paths_.end()) watches_.erase(known->second);
  if (const auto known = watches_.find(path); known != watches_.end()) paths_.erase(known->second);
  paths_[*watch] = path;
  watches_[path] = *watch;
  return true;
}

void WatchedTrees::list(const std::string& directory, bool told, std::vector<std::string>& below) {
  auto open = OpenDirectory::open(AT_FDCWD, directory.c_str(), false, directory);
  if (!open) {
    // Otherwise it has vanished, or cannot be read: then its contents cannot be changed either.
    if (open.error().code == ErrorCode::TooManyOpenFiles)
      arrivals_.push_back({Arrival::Unwatched, directory, std::move(open.error())});
    return;
  }
  for (bool more = true; more;) {
    const auto listed = listing_.next(**open, directory);
    if (!listed) return;
    more = *listed;
    for (const DirectoryEntry& entry : listing_.entries()) {
      std::string path = joined(directory, listing_.name(entry));
      if (entry.type == EntryType::Directory) {
        below.push_back(std::move(path));
      } else if (told && entry.type != EntryType::Other) {
        tell(Arrival::Appeared, path);
      }
    }
  }
}

void WatchedTrees::forget(int watch) {
  const auto known = paths_.find(watch);
  if (known == paths_.end()) return;
  watches_.erase(known->second);
  paths_.erase(known);
}

void WatchedTrees::forgetTree(const std::string& top) {
  const auto drop = [&](std::map<std::string, int>::iterator at) {
    if (sentinels_.count(at->second) == 0) inotify_.remove(at->second);
    paths_.erase(at->second);
    return watches_.erase(at);
  };
  if (const auto at = watches_.find(top); at != watches_.end()) drop(at);
  const std::string prefix = joined(top, "");
  for (auto at = watches_.lower_bound(prefix);
       at != watches_.end() && at->first.compare(0, prefix.size(), prefix) == 0;)
    at = drop(at);
}

void WatchedTrees::take(const InotifyEvent& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    tell(Arrival::Overflow, "");
    lost_ = true;
    refresh_->store(true);
    return;
  }
  if ((event.mask & IN_IGNORED) != 0) sentinels_.erase(event.watch);
  const auto known = paths_.find(event.watch);
  if (known == paths_.end()) return;
  const std::string directory = known->second;
  if ((event.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    // For other directories, the one above reports it.
    if (isRoot(directory) && missing_.insert(directory).second) {
      forgetTree(directory);
      tell(Arrival::Absent, directory);
    } else if ((event.mask & IN_IGNORED) != 0) {
      forget(event.watch);
    }
    return;
  }
  if (!event.name.empty()) takeEntry(joined(directory, event.name), event.mask);
}

void WatchedTrees::takeEntry(const std::string& path, uint32_t mask) {
  if ((mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
    if ((mask & IN_ISDIR) != 0) forgetTree(path);
    struct stat state {};
    if ((mask & IN_MOVED_FROM) == 0 || lstat(path.c_str(), &state) != 0) {
      tell(Arrival::Gone, path);
    } else {
      // In an exchange (RENAME_EXCHANGE), the event for the name that was left comes after the one
      // for the name that was taken (vfs_rename in fs/namei.c).
      takeEntry(path, S_ISDIR(state.st_mode) ? IN_MOVED_TO | IN_ISDIR : IN_MOVED_TO);
    }
  } else if ((mask & IN_ISDIR) != 0) {
    if ((mask & (IN_CREATE | IN_MOVED_TO)) == 0) return;
    tell(Arrival::Directory, path);
    addTree(path, true);
  } else if ((mask & IN_CREATE) != 0) {
    tell(Arrival::Appeared, path);
  } else {
    tell(Arrival::Complete, path);
  }
}

}  // namespace fixelf
