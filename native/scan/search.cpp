#include "scan/search.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "base/page_buffer.hpp"
#include "base/thread.hpp"
#include "elf/source.hpp"
#include "scan/compressed.hpp"

namespace fixelf {

namespace {

// A part of a file is one thread's work; its windows are searched one after another.
constexpr uint64_t kPartSize = 4 << 20;
// At most this many open files wait to be searched.
constexpr size_t kQueueLength = 64;
// Checking what may be a Zstandard frame costs some small reads. A file with more frame starts than
// this was made to waste time.
constexpr int64_t kMostFrames = 1 << 16;

// An open regular file, shared by the parts of it that are being searched.
class SearchedFile {
 public:
  SearchedFile(int descriptor, std::string path, uint64_t number)
      : path_(std::make_shared<const std::string>(std::move(path))),
        number_(number),
        descriptor_(descriptor) {
    Status status = Done{};
    identity_ = FileSource::identityOf(descriptor_, status, *path_);
    if (!status) failure_ = status.error();
  }
  SearchedFile(const SearchedFile&) = delete;
  SearchedFile& operator=(const SearchedFile&) = delete;
  ~SearchedFile() { ::close(descriptor_); }

  [[nodiscard]] uint64_t size() const { return identity_.size; }
  [[nodiscard]] uint64_t number() const { return number_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::shared_ptr<const std::string>& path() const { return path_; }

  // Files of /proc have no size, but do have content.
  [[nodiscard]] bool hasContent() const {
    char byte = 0;
    return pread(descriptor_, &byte, 1, 0) > 0;
  }

  // The first thing that went wrong; read it when all parts are done.
  [[nodiscard]] std::optional<Error>& failure() { return failure_; }
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
  }

  // What was read is one state of the file only if it was not written to meanwhile.
  void checkUnchanged() {
    Status status = Done{};
    const FileSource::Identity now = FileSource::identityOf(descriptor_, status, *path_);
    if (!status) return fail(status.error());
    if (now.size != identity_.size || now.modifiedNanoseconds != identity_.modifiedNanoseconds)
      fail({ErrorCode::Changed, "the file was written to while it was searched", *path_, 0});
  }

  Status read(uint64_t offset, std::span<uint8_t> out) const {
    while (!out.empty()) {
      const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
      if (count < 0) {
        if (errno == EINTR) continue;
        return systemError(errno, "read the file", *path_);
      }
      if (count == 0)
        return Error{ErrorCode::Changed, "the file was truncated while it was searched", *path_, 0};
      out = out.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return Done{};
  }

  std::atomic<uint64_t> partsLeft = 0;

 private:
  std::shared_ptr<const std::string> path_;
  uint64_t number_;
  int descriptor_;
  FileSource::Identity identity_;
  std::mutex mutex_;
  std::optional<Error> failure_;
};

struct Part {
  std::shared_ptr<SearchedFile> file;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// What all threads of one search share.
struct Shared {
  explicit Shared(SearchOptions given)
      : needles(given.store, std::move(given.hashes)),
        options(std::move(given)),
        set(options.instructionSet.value_or(availableInstructionSets().front())) {}

  [[nodiscard]] bool stopped() const { return options.stop.stop_requested(); }

  Needles needles;
  std::atomic<int64_t> framesLeft = kMostFrames;
  SearchOptions options;
  InstructionSet set;
};

// One thread's work.
class Searcher {
 public:
  explicit Searcher(Shared& shared)
      : shared_(shared),
        buffer_(shared.options.windowSize + 2 * Window::kContext + Window::kPadding),
        collection_(shared.options.limits) {}

  void search(const Part& part) {
    SearchedFile& file = *part.file;
    for (uint64_t at = part.begin; at < part.end && !shared_.stopped();) {
      const uint64_t end = std::min<uint64_t>(part.end, at + shared_.options.windowSize);
      if (Status status = window(file, at, end); !status) return file.fail(status.error());
      at = end;
    }
  }

  // The few bytes of a name or a link's target.
  void search(std::string_view text, Spot spot) {
    small_.assign(text.begin(), text.end());
    small_.resize(text.size() + Window::kPadding, 0);
    hits_.clear();
    searchWindow({small_.data(), text.size(), 0, text.size(), true, true}, shared_.needles,
                 shared_.set, hits_);
    note(std::move(spot), 0);
  }

  Collection& collection() { return collection_; }

 private:
  Status window(const SearchedFile& file, uint64_t begin, uint64_t end) {
    const uint64_t from = begin - std::min<uint64_t>(begin, Window::kContext);
    const uint64_t to = std::min<uint64_t>(file.size(), end + Window::kContext);
    const auto length = static_cast<size_t>(to - from);
    const std::span<uint8_t> bytes = buffer_.first(length + Window::kPadding);
    if (Status status = file.read(from, bytes.first(length)); !status) return status;
    std::memset(bytes.data() + length, 0, Window::kPadding);
    hits_.clear();
    searchWindow({bytes.data(), length, static_cast<size_t>(begin - from),
                  static_cast<size_t>(end - from), from == 0, to == file.size()},
                 shared_.needles, shared_.set, hits_);
    Spot spot;
    spot.file = file.number();
    spot.path = file.path();
    note(spot, from);
    for (const size_t magic : hits_.magics) {
      const auto header = bytes.subspan(magic, std::min(length - magic, kCompressedHeader));
      const auto kind = recognise(header, file.size() - from - magic);
      if (!kind) continue;
      if (*kind == Compression::Zstd) {
        if (shared_.framesLeft.fetch_sub(1, std::memory_order_relaxed) <= 0) {
          collection_.unexaminedCompressed();
          continue;
        }
        if (!isZstdFrame(file.descriptor(), file.size(), from + magic)) continue;
      }
      spot.anchor = spot.offset = from + magic;
      collection_.compressed(*kind, spot);
    }
    return Done{};
  }

  void note(Spot spot, uint64_t base) {
    for (const Hit& hit : hits_.mentions) {
      spot.anchor = base + hit.anchor;
      spot.offset = base + hit.offset;
      collection_.mention(hit.kind, hit.spelling, hit.text, spot);
    }
  }

  Shared& shared_;
  PageBuffer buffer_;
  std::vector<uint8_t> small_;
  WindowHits hits_;
  Collection collection_;
};

// Walks, and lets threads search what it finds.
class Search {
 public:
  explicit Search(SearchOptions options) : shared_(std::move(options)), own_(shared_) {}

  Result<Found> run(const std::string& path) {
    Status status = Done{};
    try {
      status = start(path);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      thrown_ = std::current_exception();
    }
    finish();
    if (thrown_) std::rethrow_exception(thrown_);
    if (!status) return status.error();
    if (shared_.stopped()) return cancelled("the search").at(path);
    if (rootFailure_) return std::move(*rootFailure_);
    std::sort(found_.failures.begin(), found_.failures.end(),
              [](const Error& one, const Error& other) { return one.path < other.path; });
    found_.answer = own_.collection().take();
    return std::move(found_);
  }

 private:
  // -- the walk ---------------------------------------------------------------------------------

  Status start(const std::string& path) {
    struct stat state {};
    if (lstat(path.c_str(), &state) != 0) return systemError(errno, "examine the file", path);
    if (S_ISLNK(state.st_mode)) return link(path);
    if (!S_ISDIR(state.st_mode)) {
      rootIsFile_ = true;
      return open(AT_FDCWD, path.c_str(), path);
    }
    // Depth first, and by name, as in a Nix archive; not by recursion, because there is no limit to
    // how deep a tree may be.
    std::vector<std::string> waiting{path};
    for (bool isRoot = true; !waiting.empty() && !shared_.stopped(); isRoot = false) {
      const std::string directory = std::move(waiting.back());
      waiting.pop_back();
      auto below = list(directory);
      if (below) {
        waiting.insert(waiting.end(), std::make_move_iterator(below->rbegin()),
                       std::make_move_iterator(below->rend()));
      } else if (isRoot) {
        return below.error();
      } else {
        fail(std::move(below.error()));
      }
    }
    return Done{};
  }

  struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
  };

  struct DirectoryEntry {
    std::string name;
    unsigned char type = DT_UNKNOWN;
    bool operator<(const DirectoryEntry& other) const { return name < other.name; }
  };

  // Searches the files, links and names of a directory; returns its subdirectories.
  Result<std::vector<std::string>> list(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    const std::unique_ptr<DIR, CloseDirectory> directory(descriptor < 0 ? nullptr
                                                                        : fdopendir(descriptor));
    if (!directory) return systemError(errno, "list the directory", path);
    std::vector<DirectoryEntry> entries;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
    }
    std::sort(entries.begin(), entries.end());
    std::vector<std::string> below;
    for (DirectoryEntry& entry : entries) {
      if (shared_.stopped()) break;
      std::string child = path;
      if (child.back() != '/') child += '/';
      child += entry.name;
      if (entry.type == DT_UNKNOWN) entry.type = typeOf(descriptor, entry.name);
      ++number_;
      own_.search(entry.name, spot(Place::FileName, child));
      if (entry.type == DT_DIR) {
        below.push_back(std::move(child));
        continue;
      }
      const Status status = entry.type == DT_REG   ? open(descriptor, entry.name.c_str(), child)
                            : entry.type == DT_LNK ? link(child)
                                                   : Status(Done{});
      if (!status) fail(status.error());
    }
    return below;
  }

  static unsigned char typeOf(int directory, const std::string& name) {
    struct stat state {};
    if (fstatat(directory, name.c_str(), &state, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
    return S_ISDIR(state.st_mode)   ? DT_DIR
           : S_ISREG(state.st_mode) ? DT_REG
           : S_ISLNK(state.st_mode) ? DT_LNK
                                    : DT_UNKNOWN;
  }

  Spot spot(Place place, const std::string& path) const {
    Spot where;
    where.file = number_;
    where.place = place;
    where.path = std::make_shared<const std::string>(path);
    return where;
  }

  Status link(const std::string& path) {
    std::array<char, 4096> target{};  // PATH_MAX
    const ssize_t length = readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return systemError(errno, "read the link", path);
    own_.search({target.data(), static_cast<size_t>(length)}, spot(Place::LinkTarget, path));
    return Done{};
  }

  Status open(int directory, const char* name, const std::string& path) {
    const int descriptor =
        openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) return cannotOpen(errno, path);
    const auto file = std::make_shared<SearchedFile>(descriptor, path, number_);
    if (file->failure()) return std::move(*file->failure());
    if (file->size() == 0 && file->hasContent()) {
      return Error{
          ErrorCode::NotRegular,
          "the system says that it is empty, and makes its content as it is read; search a "
          "copy (cat FILE > COPY)",
          path, 0};
    }
    ++found_.files;
    found_.bytes += file->size();
    // The count starts with one for this walk, so that no thread considers the file done too early.
    file->partsLeft = 1;
    for (uint64_t at = 0; at < file->size() && !shared_.stopped(); at += kPartSize) {
      // Holes contain nothing, however large they are. A file system without holes returns `at`.
      const off_t data = lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      if (data > 0) at = std::max(at, static_cast<uint64_t>(data) / kPartSize * kPartSize);
      ++file->partsLeft;
      hand({file, at, std::min(file->size(), at + kPartSize)});
    }
    done(*file);
    return Done{};
  }

  void done(SearchedFile& file) {
    if (--file.partsLeft != 0) return;
    file.checkUnchanged();
    if (!file.failure()) return;
    if (rootIsFile_) {
      const std::lock_guard lock(mutex_);
      rootFailure_ = std::move(file.failure());
    } else {
      fail(std::move(*file.failure()));
    }
  }

  // What vanished before it was opened counts as never there.
  void fail(Error error) {
    if (error.code == ErrorCode::NotFound) return;
    const std::lock_guard lock(mutex_);
    if (found_.failures.size() < Found::kMostFailures)
      found_.failures.push_back(std::move(error));
    else
      ++found_.moreFailures;
  }

  // -- the threads ------------------------------------------------------------------------------

  // One small file does not warrant a second thread.
  void hand(Part part) {
    if (rootIsFile_ && part.file->size() <= kPartSize) return searchAndFinish(own_, part);
    startThreads();
    if (threads_.empty()) return searchAndFinish(own_, part);
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return queue_.size() < kQueueLength || thrown_; });
    queue_.push_back(std::move(part));
    wake_.notify_one();
  }

  void startThreads() {
    if (started_) return;
    started_ = true;
    unsigned wanted = shared_.options.threads;
    if (wanted == 0) wanted = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    for (unsigned index = 0; index < wanted; ++index)
      searchers_.push_back(std::make_unique<Searcher>(shared_));
    for (auto& searcher : searchers_) {
      auto thread = startThread([this, own = searcher.get()] { work(*own); });
      if (!thread) break;
      threads_.push_back(std::move(*thread));
    }
  }

  void work(Searcher& searcher) {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return !queue_.empty() || ended_; });
      if (queue_.empty()) return;
      const Part part = std::move(queue_.front());
      queue_.pop_front();
      room_.notify_one();
      if (thrown_) continue;  // the rest is of no use
      lock.unlock();
      try {
        searchAndFinish(searcher, part);
        lock.lock();
      } catch (...) {
        lock.lock();
        thrown_ = std::current_exception();
        room_.notify_all();
      }
    }
  }

  void searchAndFinish(Searcher& searcher, const Part& part) {
    searcher.search(part);
    done(*part.file);
  }

  void finish() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_)
      thread.join();
    for (auto& searcher : searchers_)
      own_.collection().merge(std::move(searcher->collection()));
  }

  Shared shared_;
  Searcher own_;  // of the thread that walks
  Found found_;
  uint64_t number_ = 0;
  bool rootIsFile_ = false;
  std::optional<Error> rootFailure_;

  bool started_ = false;
  std::vector<std::unique_ptr<Searcher>> searchers_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;
  std::deque<Part> queue_;
  bool ended_ = false;
  std::exception_ptr thrown_;
};

}  // namespace

Result<Found> search(const std::string& path, SearchOptions options) {
  if (options.store.size() < 2 || options.store.front() != '/' || options.store.back() == '/' ||
      options.store.size() > Needles::kLongestStore) {
    return Error{ErrorCode::LimitExceeded,
                 "the store's directory must be an absolute path of at most " +
                     std::to_string(Needles::kLongestStore) + " bytes",
                 options.store, 0};
  }
  return Search(std::move(options)).run(path);
}

}  // namespace fixelf
