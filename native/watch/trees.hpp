// Directories watched with everything below them, whatever happens to them.
//
// inotify watches single directories, so the tree is kept watched by hand: a directory that arrives
// is first watched and then listed, so that what came into it before the watch is reported too.
// What moves away is dropped, with everything below it; a missing root is awaited in the nearest
// existing directory above it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error.hpp"
#include "watch/inotify.hpp"

namespace fixelf {

struct Arrival {
  enum Kind {
    Appeared,   // a file, or a link: it may still be written
    Complete,   // a file that was written and closed, or renamed to this name
    Directory,  // its files follow as Appeared
    Gone,       // a file or a directory
    Unwatched,  // a directory that cannot be watched; `failure` has the reason
    Present,    // a root that can be watched now
    Absent,     // a root that does not exist, or no longer does
    Overflow,   // the kernel has lost events: anything may have happened
  };
  Kind kind = Appeared;
  std::string path;
  Error failure;
};

class WatchedTrees {
 public:
  // Absolute paths, without symbolic links as far as they exist.
  static Result<WatchedTrees> open(std::vector<std::string> roots);

  // Waits for something to happen. Nothing after stop(). For one thread at a time.
  Result<std::vector<Arrival>> next();

  // Looks again: for roots, and for directories that could not be watched. From any thread.
  void refresh();
  // Ends next(). From any thread.
  void stop();

 private:
  WatchedTrees(Inotify inotify, Descriptor wake, std::vector<std::string> roots);

  void poke() const;
  // Watches all that exist, and drops those that do not.
  void lookAtRoots();
  void lookForRoots();
  void awaitRoot(const std::string& root);
  void tell(Arrival::Kind kind, const std::string& path);
  // A directory with everything below it. Its contents are reported if `told`.
  void addTree(const std::string& top, bool told);
  bool addDirectory(const std::string& path);
  void list(const std::string& directory, bool told, std::vector<std::string>& below);
  void forgetTree(const std::string& top);
  void forget(int watch);
  void take(const InotifyEvent& event);
  void takeEntry(const std::string& path, uint32_t mask);
  [[nodiscard]] bool isRoot(const std::string& path) const { return roots_.count(path) != 0; }

  Inotify inotify_;
  Descriptor wake_;  // an eventfd
  std::set<std::string> roots_;
  std::set<std::string> missing_;  // of the roots
  std::unordered_map<int, std::string> paths_;
  std::map<std::string, int> watches_;    // sorted: what is below a directory is adjacent
  std::map<int, std::string> sentinels_;  // above missing roots
  bool lost_ = true;                      // anything may be in the roots
  std::vector<Arrival> arrivals_;
  Listing listing_;
  // Held by pointer, so that the object can be moved while it is being made.
  std::unique_ptr<std::atomic<bool>> stopped_ = std::make_unique<std::atomic<bool>>(false);
  std::unique_ptr<std::atomic<bool>> refresh_ = std::make_unique<std::atomic<bool>>(true);
};

}  // namespace fixelf
