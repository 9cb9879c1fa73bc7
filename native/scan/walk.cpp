#include "scan/walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace fixelf {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Directories wait in one queue, from which a few threads take them; each thread reads the files of
// the directory that it took.
class Walker {
 public:
  Status start(const std::string& root) {
    const int descriptor = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return systemError(errno, "list the directory", root);
    ::close(descriptor);
    queue_.push_back(root);
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    std::vector<std::thread> pool;
    for (unsigned index = 1; index < threads; ++index)
      pool.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : pool)
      thread.join();
    return Done{};
  }

  Walked take() {
    std::sort(result_.elf.begin(), result_.elf.end(),
              [](const Facts& a, const Facts& b) { return a.path < b.path; });
    std::sort(result_.failures.begin(), result_.failures.end(),
              [](const Error& a, const Error& b) { return a.path < b.path; });
    return std::move(result_);
  }

 private:
  void work() {
    Walked own;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return !queue_.empty() || busy_ == 0; });
      if (queue_.empty()) break;
      const std::string directory = std::move(queue_.front());
      queue_.pop_front();
      ++busy_;
      lock.unlock();
      std::vector<std::string> below = list(directory, own);
      lock.lock();
      --busy_;
      for (std::string& path : below)
        queue_.push_back(std::move(path));
      wake_.notify_all();
    }
    result_.files += own.files;
    std::move(own.elf.begin(), own.elf.end(), std::back_inserter(result_.elf));
    std::move(own.failures.begin(), own.failures.end(), std::back_inserter(result_.failures));
  }

  std::vector<std::string> list(const std::string& path, Walked& own) {
    std::vector<std::string> below;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::unique_ptr<DIR, CloseDirectory> directory(descriptor < 0 ? nullptr
                                                                  : fdopendir(descriptor));
    struct stat state {};
    if (!directory || fstat(descriptor, &state) != 0) {
      if (errno != ENOENT) own.failures.push_back(systemError(errno, "list the directory", path));
      return below;
    }
    if (!firstVisit(state.st_dev, state.st_ino)) return below;
    while (const dirent* entry = readdir(directory.get())) {
      const char* name = entry->d_name;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      unsigned char type = entry->d_type;
      if (type == DT_UNKNOWN) {
        struct stat single {};
        if (fstatat(descriptor, name, &single, AT_SYMLINK_NOFOLLOW) != 0) continue;
        type = S_ISDIR(single.st_mode) ? DT_DIR : S_ISREG(single.st_mode) ? DT_REG : DT_LNK;
      }
      std::string child = path;
      if (child.back() != '/') child += '/';
      child += name;
      if (type == DT_REG) read(descriptor, name, child, own);
      if (type == DT_DIR) below.push_back(std::move(child));
    }
    return below;
  }

  static void read(int directory, const char* name, const std::string& path, Walked& own) {
    ++own.files;
    const int descriptor =
        openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
      if (errno != ENOENT) own.failures.push_back(systemError(errno, "open the file", path));
      return;
    }
    auto source = FileSource::adopt(descriptor, path);
    if (!source) return;
    auto facts = readFacts(**source, path);
    if (facts) {
      own.elf.push_back(std::move(*facts));
    } else if (facts.error().code != ErrorCode::NotElf) {
      own.failures.push_back(std::move(facts.error()));
    }
  }

  bool firstVisit(dev_t device, ino_t inode) {
    const std::lock_guard lock(visitedMutex_);
    return visited_.emplace(device, inode).second;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;
  unsigned busy_ = 0;
  Walked result_;
  std::mutex visitedMutex_;
  std::set<std::pair<dev_t, ino_t>> visited_;
};

}  // namespace

Result<Walked> walk(const std::string& root) {
  Walker walker;
  if (Status status = walker.start(root); !status) return status.error();
  return walker.take();
}

}  // namespace fixelf
