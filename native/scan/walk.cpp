#include "scan/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/directory.hpp"
#include "base/opener.hpp"
#include "base/own_descriptors.hpp"
#include "base/thread.hpp"
#include "scan/identity_set.hpp"
#include "scan/library_name.hpp"
#include "scan/mounts.hpp"
#include "scan/store_path.hpp"

namespace fixelf {

namespace {

// For a branch that is not next to be handed out, no more files than this are held.
constexpr size_t kMostHeld = size_t{32} << 10;
// The first bytes of each file: they show what it is, and no more memory is touched for what is not
// an ELF file, as nearly all are not.
constexpr size_t kFirstRead = 64;
// In a tree with fewer directories, reading the list of mounts costs more than it saves.
constexpr size_t kWorthAsking = 64;

// By the first bytes alone, which a text may share: the caller checks again.
bool beginsAsOtherSystems(std::span<const uint8_t> head) {
  const auto begins = [&](std::string_view magic) {
    return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
  };
  if (begins("MZ") || begins("\xce\xfa\xed\xfe") || begins("\xcf\xfa\xed\xfe") ||
      begins("\xfe\xed\xfa\xce") || begins("\xfe\xed\xfa\xcf"))
    return true;
  // Java classes begin like Mach-O for several processors, with a version of at least 45 in place
  // of the number of processors (mach-o/fat.h, JVMS 4.1); trees contain thousands of them.
  constexpr uint8_t kFirstJavaVersion = 45;
  return (begins("\xca\xfe\xba\xbe") || begins("\xca\xfe\xba\xbf")) && head.size() >= 8 &&
         head[4] == 0 && head[5] == 0 && head[6] == 0 && head[7] < kFirstJavaVersion;
}

struct FoundFile {
  std::unique_ptr<Facts> facts;  // sorted and handed on without being moved
  uint64_t device = 0;
  uint64_t inode = 0;
};

struct Finds {
  std::vector<FoundFile> elf;
  std::vector<Error> failures;
  std::vector<Link> links;
  std::vector<std::string> scripts;
  std::vector<std::string> otherSystems;

  void append(Finds&& more) {
    std::move(more.elf.begin(), more.elf.end(), std::back_inserter(elf));
    std::move(more.failures.begin(), more.failures.end(), std::back_inserter(failures));
    std::move(more.links.begin(), more.links.end(), std::back_inserter(links));
    std::move(more.scripts.begin(), more.scripts.end(), std::back_inserter(scripts));
    std::move(more.otherSystems.begin(), more.otherSystems.end(), std::back_inserter(otherSystems));
    more = {};
  }
};

// A directory that waits to be read.
struct Task {
  // None if another thread may have found it: descriptors are each thread's own.
  std::shared_ptr<OpenDirectory> parent;
  std::string path;

  [[nodiscard]] const char* name() const { return path.c_str() + path.rfind('/') + 1; }
};

// An entry of a root, and what is known about what is below it.
struct BranchWork {
  int root = -1;     // the root's descriptor
  std::string name;  // empty for the files of the root itself
  std::string path;
  bool directory = true;
  std::optional<Error> unreadable;  // why it was not found: the branch has nothing else
  uint64_t inode = 0;
  // Everything below is guarded by the walker's mutex.
  unsigned workers = 0;
  bool finished = false;
  std::vector<Task> shared;  // what its workers leave to others, without parents
  Finds finds;
  // Only for a store path, which has to be complete in itself.
  IdentitySet seen;

  // The names that lead from the root to `below`, a path of this branch.
  [[nodiscard]] std::string_view belowRoot(const std::string& below) const {
    return std::string_view(below).substr(path.size() - name.size());
  }
};

class Walker {
 public:
  Walker(const WalkOptions& options, const std::stop_token& stop, WalkProgress& progress,
         const BranchSink& sink)
      : options_(options), stop_(stop), progress_(progress), sink_(sink) {}

  Status add(const WalkRoot& root) {
    if (root.entry) {
      if (Status status = addEntry(root.host, root.shown); !status)
        addFailure(root, status.error());
      return Done{};
    }
    Status status = addDirectory(root);
    return !status && status.error().systemError == ENOTDIR ? addFile(root) : status;
  }

  void run() {
    progress_.branches = branches_.size();
    const unsigned threads = std::clamp(
        options_.threads != 0 ? options_.threads : std::thread::hardware_concurrency(), 1U, 64U);
    window_ = size_t{threads} * 32;
    std::vector<int> kept;
    for (const auto& root : roots_)
      kept.push_back(root->descriptor());
    // None of them is the caller's thread, which does other things afterwards.
    std::vector<std::thread> pool;
    pool.reserve(threads);
    while (pool.size() < threads) {
      auto thread = startThread([this, &kept] { Worker(*this, takeOwnDescriptors(kept)).run(); });
      if (!thread) break;
      pool.push_back(std::move(*thread));
    }
    if (pool.empty()) Worker(*this, false).run();
    for (std::thread& thread : pool)
      thread.join();
  }

 private:
  Status addDirectory(const WalkRoot& root) {
    std::string above = root.shown;
    while (!above.empty() && above.back() == '/')
      above.pop_back();
    auto directory = OpenDirectory::open(AT_FDCWD, root.host.c_str(), true, root.shown);
    if (!directory) return directory.error();
    std::vector<std::unique_ptr<BranchWork>> branches;
    bool store = false;
    Listing listing;
    for (bool more = true; more;) {
      const auto listed = listing.next(**directory, root.shown);
      if (!listed) return listed.error();
      more = *listed;
      listing.sortByInode();
      for (const DirectoryEntry& entry : listing.entries()) {
        const std::string name = listing.name(entry);
        store = store || isStorePathName(name);
        const bool file = entry.type == EntryType::File;
        if (!file && entry.type != EntryType::Directory) continue;
        if (!inShard(name, options_.shard, options_.shards)) continue;
        auto branch = std::make_unique<BranchWork>();
        branch->root = (*directory)->descriptor();
        branch->name = name;
        branch->path = above + "/" + name;
        branch->directory = !file;
        branch->inode = entry.inode;
        branches.push_back(std::move(branch));
      }
    }
    std::sort(branches.begin(), branches.end(), [&](const auto& a, const auto& b) {
      return options_.diskOrder ? a->inode < b->inode : a->name < b->name;
    });
    roots_.push_back(std::move(*directory));
    lastAbove_.clear();
    for (auto& branch : branches) {
      // The links that `nix-store --optimise` keeps: every file of the store under a second name.
      if (store && branch->name == ".links") continue;
      branches_.push_back(std::move(branch));
    }
    return Done{};
  }

  // The name given by the caller may be a link's.
  Status addFile(const WalkRoot& root) {
    const std::unique_ptr<char, decltype(&std::free)> real(realpath(root.host.c_str(), nullptr),
                                                           &std::free);
    struct stat state {};
    if (!real || stat(real.get(), &state) != 0)
      return systemError(errno, "open the file", root.shown);
    if (S_ISREG(state.st_mode)) return addEntry(real.get(), root.shown);
    // In a directory it would have been skipped; here the caller asked for it.
    addFailure(root, notRegular(state.st_mode, root.shown));
    return Done{};
  }

  // One branch, opened in the directory that holds it, like all others. Thousands may be in one
  // directory.
  Status addEntry(const std::string& host, const std::string& shown) {
    const size_t slash = host.rfind('/');
    const std::string above = slash == std::string::npos ? "." : host.substr(0, slash + 1);
    if (above != lastAbove_) {
      auto directory = OpenDirectory::open(AT_FDCWD, above.c_str(), true, shown);
      if (!directory) return directory.error();
      roots_.push_back(std::move(*directory));
      lastAbove_ = above;
    }
    auto branch = std::make_unique<BranchWork>();
    branch->root = roots_.back()->descriptor();
    branch->name = host.substr(slash + 1);
    branch->path = shown;
    struct stat state {};
    if (fstatat(branch->root, branch->name.c_str(), &state, AT_SYMLINK_NOFOLLOW) != 0)
      return systemError(errno, "open the file", shown);
    if (!S_ISDIR(state.st_mode) && !S_ISREG(state.st_mode)) return Done{};
    branch->directory = S_ISDIR(state.st_mode);
    if (inShard(branch->name, options_.shard, options_.shards))
      branches_.push_back(std::move(branch));
    return Done{};
  }

  void addFailure(const WalkRoot& root, const Error& error) {
    if (!inShard(root.shown.substr(root.shown.rfind('/') + 1), options_.shard, options_.shards))
      return;
    auto branch = std::make_unique<BranchWork>();
    branch->path = root.shown;
    branch->directory = false;
    branch->unreadable = error;
    branches_.push_back(std::move(branch));
  }

  // What one thread does, and its buffers.
  class Worker {
   public:
    Worker(Walker& walker, bool ownDescriptors) : walker_(walker), opener_(ownDescriptors) {}

    void run() {
      while ((branch_ = walker_.take(own_)) != nullptr) {
        if (branch_->unreadable) {
          tell(*branch_->unreadable);
        } else if (own_.empty() && !branch_->directory) {
          readFile(branch_->root, branch_->name.c_str(), [&] { return branch_->path; });
        }
        while (!own_.empty() && !walker_.stopped()) {
          Task task = std::move(own_.back());
          own_.pop_back();
          list(std::move(task));
          if (walker_.waiting_ > 0 && own_.size() > 1) walker_.share(*branch_, own_);
          if (finds_.elf.size() >= kMostHeld / 8) walker_.keep(*branch_, finds_);
        }
        own_.clear();
        opener_.flush();
        walker_.progress_.files += files_;
        files_ = 0;
        walker_.leave(*branch_, finds_);
      }
    }

   private:
    Result<std::shared_ptr<OpenDirectory>> open(const Task& task) {
      return task.parent ? OpenDirectory::open(task.parent->descriptor(), task.name(), false,
                                               task.path, &opener_)
                         : OpenDirectory::openBelow(branch_->root, branch_->belowRoot(task.path),
                                                    task.path, &opener_);
    }

    // Directories that wait are reopened by path: a tree may be deeper than there are descriptors.
    void letGo() {
      for (Task& task : own_)
        task.parent.reset();
      opener_.flush();
    }

    void list(Task task) {
      auto opened = open(task);
      if (!opened && opened.error().code == ErrorCode::TooManyOpenFiles) {
        letGo();
        opened = open(task);
      }
      task.parent.reset();
      if (!opened) return fail(std::move(opened.error()));
      const std::shared_ptr<OpenDirectory>& directory = *opened;
      if (walker_.mayMeetAgain_) {
        struct stat state {};
        if (fstat(directory->descriptor(), &state) != 0)
          return fail(systemError(errno, "list the directory", task.path));
        if (!walker_.firstVisit(state.st_dev, state.st_ino)) return;
      }
      for (bool more = true; more;) {
        auto listed = listing_.next(*directory, task.path);
        if (!listed) return fail(std::move(listed.error()));
        more = *listed;
        listing_.sortByInode();
        for (const DirectoryEntry& entry : listing_.entries()) {
          if (walker_.stopped()) return;
          if (entry.type == EntryType::Other) continue;
          visit(directory, entry, task.path);
        }
      }
    }

    void visit(const std::shared_ptr<OpenDirectory>& directory, const DirectoryEntry& entry,
               const std::string& below) {
      const char* name = listing_.name(entry);
      // For most files the path is never needed.
      const auto path = [&] {
        std::string whole;
        whole.reserve(below.size() + 1 + entry.nameLength);
        return whole.append(below).append(1, '/').append(name, entry.nameLength);
      };
      // Linux, include/uapi/linux/limits.h: it could not be opened or started by its path. Like the
      // kernel's own ENAMETOOLONG, that says nothing about its content.
      if (below.size() + 1 + entry.nameLength >= PATH_MAX) {
        return fail(Error{
            ErrorCode::Io,
            "the path is longer than Linux lets a path be (" + std::to_string(PATH_MAX) + " bytes)",
            path(), 0});
      }
      switch (entry.type) {
        case EntryType::File:
          return readFile(directory->descriptor(), name, path);
        case EntryType::Directory:
          own_.push_back({directory, path()});
          return;
        case EntryType::Link:
          if (walker_.options_.libraryLinks && looksLikeLibrary(name))
            readLink(directory->descriptor(), name, path);
          return;
        case EntryType::Other:
          return;
      }
    }

    template <class Path>
    void readLink(int directory, const char* name, const Path& path) {
      std::array<char, PATH_MAX> target{};
      const ssize_t length = readlinkat(directory, name, target.data(), target.size());
      if (length > 0)
        finds_.links.push_back({path(), std::string(target.data(), static_cast<size_t>(length))});
    }

    // `path` is a function.
    template <class Path>
    void readFile(int directory, const char* name, const Path& path) {
      ++files_;
      // O_NONBLOCK: a FIFO may have taken the file's place.
      constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
      int descriptor = opener_.open(directory, name, kFlags);
      if (descriptor < 0 && (errno == EMFILE || errno == ENFILE)) {
        letGo();
        descriptor = opener_.open(directory, name, kFlags);
      }
      if (descriptor < 0) return fail(systemError(errno, "open the file", path()));
      const std::span<uint8_t> head = windows_.head();
      ssize_t length = Opener::read(descriptor, head.first(kFirstRead));
      const bool isElf = length >= SELFMAG && std::memcmp(head.data(), ELFMAG, SELFMAG) == 0;
      if (isElf && length == kFirstRead) {
        const ssize_t more = Opener::read(descriptor, head.subspan(kFirstRead));
        length = more < 0 ? more : length + more;
      }
      if (length < 0) {
        const int number = errno;
        opener_.close(descriptor);
        return fail(systemError(number, "read the file", path()));
      }
      if (!isElf) {
        if (walker_.options_.scripts && length >= 2 && head[0] == '#' && head[1] == '!' &&
            isExecutable(descriptor)) {
          finds_.scripts.push_back(path());
        } else if (walker_.options_.otherSystems &&
                   beginsAsOtherSystems(head.first(static_cast<size_t>(length)))) {
          finds_.otherSystems.push_back(path());
        }
        opener_.close(descriptor);
        return;
      }
      windows_.restart(static_cast<size_t>(length));
      const std::string whole = path();
      auto source = FileSource::borrow(descriptor, whole, windows_);
      auto facts = source ? readFacts(**source, whole) : std::move(source.error());
      opener_.close(descriptor);
      if (!facts) return fail(std::move(facts.error()));
      ++walker_.progress_.elf;
      walker_.progress_.bytes += facts->size;
      const FileSource::Identity& identity = (*source)->identity();
      finds_.elf.push_back(
          {std::make_unique<Facts>(std::move(*facts)), identity.device, identity.inode});
    }

    static bool isExecutable(int descriptor) {
      struct stat state {};
      return fstat(descriptor, &state) == 0 && (state.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    }

    void fail(Error&& error) {
      if (error.systemError == ENOENT || error.code == ErrorCode::NotElf) return;
      tell(std::move(error));
    }

    void tell(Error error) {
      ++walker_.progress_.failures;
      finds_.failures.push_back(std::move(error));
    }

    Walker& walker_;
    BranchWork* branch_ = nullptr;
    Opener opener_;  // before the directories, which are closed through it
    std::vector<Task> own_;
    Finds finds_;
    Listing listing_;
    ReadWindows windows_;
    uint64_t files_ = 0;
  };

  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }

  // The next piece of work: a branch, with its first directory or some that others left in `own`.
  // Null at the end.
  BranchWork* take(std::vector<Task>& own) {
    std::unique_lock lock(mutex_);
    BranchWork* branch = choose(own);
    if (branch == nullptr) ++waiting_;
    const bool waited = branch == nullptr;
    while (branch == nullptr && !stopped() && handedOut_ < branches_.size()) {
      wake_.wait(lock);
      branch = choose(own);
    }
    if (waited) --waiting_;
    if (stopped()) return nullptr;
    if (branch != nullptr) ++branch->workers;
    return branch;
  }

  BranchWork* choose(std::vector<Task>& own) {
    const size_t end = std::min(next_, branches_.size());
    // Too much is already held: only what can be handed out at once.
    const bool full = held_ > kMostHeld;
    const auto takeFrom = [&](BranchWork& branch) {
      if (branch.shared.empty()) return false;
      own.push_back(std::move(branch.shared.back()));
      branch.shared.pop_back();
      return true;
    };
    for (size_t index = handedOut_; index < (full ? std::min(end, handedOut_ + 1) : end); ++index) {
      BranchWork* branch = branches_[index].get();
      if (branch != nullptr && takeFrom(*branch)) return branch;
    }
    if (next_ == branches_.size() || next_ - handedOut_ >= window_ || (full && next_ != handedOut_))
      return nullptr;
    BranchWork* branch = branches_[next_++].get();
    if (branch->directory) own.push_back({nullptr, branch->path});
    return branch;
  }

  // Leaves half of a thread's directories, those nearest to the root, to waiting threads.
  void share(BranchWork& branch, std::vector<Task>& own) {
    const std::lock_guard lock(mutex_);
    const auto half = own.begin() + static_cast<ptrdiff_t>(own.size() / 2);
    for (auto task = own.begin(); task != half; ++task)
      branch.shared.push_back({nullptr, std::move(task->path)});
    own.erase(own.begin(), half);
    wake_.notify_all();
  }

  void keep(BranchWork& branch, Finds& finds) {
    std::unique_lock lock(mutex_);
    store(branch, finds);
    handOut(lock);
  }

  // A thread has nothing more to do in a branch.
  void leave(BranchWork& branch, Finds& finds) {
    std::unique_lock lock(mutex_);
    store(branch, finds);
    --branch.workers;
    if (branch.workers == 0 && branch.shared.empty()) branch.finished = true;
    handOut(lock);
  }

  void store(BranchWork& branch, Finds& finds) {
    held_ += finds.elf.size();
    branch.finds.append(std::move(finds));
  }

  // Gives the sink what is next in order, as long as there is something. One thread at a time does
  // so, and includes what the others finish meanwhile.
  void handOut(std::unique_lock<std::mutex>& lock) {
    if (handingOut_) return;
    handingOut_ = true;
    while (handedOut_ < branches_.size() && !stopped()) {
      BranchWork& branch = *branches_[handedOut_];
      const bool last = branch.finished;
      if (!last && branch.finds.elf.size() < kMostHeld / 2) break;
      Finds finds = std::move(branch.finds);
      branch.finds = {};
      held_ -= finds.elf.size();
      std::unique_ptr<BranchWork> done;
      IdentitySet& seen = isStorePathName(branch.name) ? branch.seen : seen_;
      std::string path = branch.path;
      if (last) {
        done = std::move(branches_[handedOut_]);
        ++handedOut_;
        ++progress_.branchesDone;
      }
      lock.unlock();
      sink_(finish(std::move(finds), std::move(path), seen, last));
      done.reset();
      lock.lock();
      wake_.notify_all();
    }
    handingOut_ = false;
    if (handedOut_ == branches_.size() || stopped()) wake_.notify_all();
  }

  Branch finish(Finds&& finds, std::string path, IdentitySet& seen, bool last) const {
    const auto byPath = [](const auto& a, const auto& b) { return a.path < b.path; };
    Branch branch;
    branch.path = std::move(path);
    branch.last = last;
    std::sort(finds.elf.begin(), finds.elf.end(),
              [](const FoundFile& a, const FoundFile& b) { return a.facts->path < b.facts->path; });
    branch.elf.reserve(finds.elf.size());
    for (FoundFile& file : finds.elf) {
      if (options_.everyName || seen.insert(file.device, file.inode))
        branch.elf.push_back(std::move(file.facts));
    }
    branch.failures = std::move(finds.failures);
    std::sort(branch.failures.begin(), branch.failures.end(), byPath);
    branch.links = std::move(finds.links);
    std::sort(branch.links.begin(), branch.links.end(), byPath);
    branch.scripts = std::move(finds.scripts);
    std::sort(branch.scripts.begin(), branch.scripts.end());
    branch.otherSystems = std::move(finds.otherSystems);
    std::sort(branch.otherSystems.begin(), branch.otherSystems.end());
    return branch;
  }

  bool firstVisit(dev_t device, ino_t inode) {
    const std::lock_guard lock(visitedMutex_);
    if (!visited_.insert(device, inode)) return false;
    if (visited_.size() == kWorthAsking && roots_.size() == 1)
      mayMeetAgain_ = hasMountsBelow(roots_.front()->descriptor());
    return true;
  }

  const WalkOptions& options_;
  const std::stop_token& stop_;
  WalkProgress& progress_;
  const BranchSink& sink_;

  std::vector<std::shared_ptr<OpenDirectory>> roots_;
  std::string lastAbove_;  // the last of them, if it holds entries that were named one by one
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<BranchWork>> branches_;  // null once handed out
  size_t next_ = 0;                                    // the first that no thread has begun
  size_t handedOut_ = 0;                               // the first that has not been handed out
  size_t window_ = 0;                                  // how far the one may be ahead of the other
  size_t held_ = 0;                                    // ELF files that wait to be handed out
  bool handingOut_ = false;
  std::atomic<unsigned> waiting_{0};
  IdentitySet seen_;

  // Whether a directory may have two names: links give it none, but a mount does, and so does a
  // root within another. Until that is known, yes.
  std::atomic<bool> mayMeetAgain_{true};
  std::mutex visitedMutex_;
  IdentitySet visited_;
};

}  // namespace

bool inShard(const std::string& name, uint64_t shard, uint64_t shards) {
  return shards <= 1 || XXH3_64bits(name.data(), name.size()) % shards == shard;
}

Status walk(const std::vector<WalkRoot>& roots, const WalkOptions& options,
            const std::stop_token& stop, WalkProgress& progress, const BranchSink& sink) {
  Walker walker(options, stop, progress, sink);
  for (const WalkRoot& root : roots) {
    if (Status status = walker.add(root); !status) return status;
  }
  walker.run();
  return Done{};
}

Result<Walked> walk(const std::string& root, const std::stop_token& stop) {
  Walked walked;
  WalkProgress progress;
  const BranchSink collect = [&walked](Branch&& branch) {
    for (const std::unique_ptr<Facts>& facts : branch.elf)
      walked.elf.push_back(std::move(*facts));
    std::move(branch.failures.begin(), branch.failures.end(), std::back_inserter(walked.failures));
    std::move(branch.scripts.begin(), branch.scripts.end(), std::back_inserter(walked.scripts));
    std::move(branch.otherSystems.begin(), branch.otherSystems.end(),
              std::back_inserter(walked.otherSystems));
  };
  WalkOptions options;
  options.everyName = true;
  options.scripts = true;
  options.otherSystems = true;
  Status status = walk({{root, root}}, options, stop, progress, collect);
  if (!status) return status.error();
  if (stop.stop_requested()) return cancelled("the walk");
  if (const auto shortage = std::ranges::find_if(walked.failures, isShortage);
      shortage != walked.failures.end())
    return *shortage;
  std::sort(walked.elf.begin(), walked.elf.end(),
            [](const Facts& a, const Facts& b) { return a.path < b.path; });
  std::sort(walked.failures.begin(), walked.failures.end(),
            [](const Error& a, const Error& b) { return a.path < b.path; });
  std::sort(walked.scripts.begin(), walked.scripts.end());
  std::sort(walked.otherSystems.begin(), walked.otherSystems.end());
  walked.files = progress.files;
  return walked;
}

}  // namespace fixelf
