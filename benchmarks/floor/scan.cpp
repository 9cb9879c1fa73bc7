// The least that can look at every file of a tree and tell what its ELF files are: getdents64 for
// each directory, openat + pread for each regular file, and for an ELF file fstat and one pread of
// the dynamic table (and one of the program headers, where they don't follow the header). Each
// thread has its own descriptors (otherwise each call locks or counts), closes 32 at once, and
// leaves access times unwritten (which takes root, or owning the files). No names are kept, no
// strings are read, nothing is checked that the next system call doesn't need.
//
//     floor-scan DIRECTORY [THREADS]
//
// Prints the number of regular files and of ELF files, and the milliseconds from the first
// directory to the last.
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t listingBytes = 32768;  // what the C library's readdir requests, too
constexpr size_t firstBytes = 1024;     // an ELF header and the usual 13 program headers
constexpr size_t tableBytes = 16384;    // more than any table examined

struct Entry {  // linux_dirent64
  uint64_t inode;
  int64_t next;
  uint16_t size;
  uint8_t type;
  char name[1];
};

// Closes a run of consecutive descriptors in one system call.
class Closing {
 public:
  ~Closing() { flush(); }

  void add(int descriptor) {
    waiting_[count_++] = descriptor;
    if (count_ == 32) flush();
  }

 private:
  void flush() {
    std::sort(waiting_, waiting_ + count_);
    for (size_t first = 0; first < count_;) {
      size_t last = first;
      while (last + 1 < count_ && waiting_[last + 1] == waiting_[last] + 1)
        ++last;
      syscall(SYS_close_range, waiting_[first], waiting_[last], 0);
      first = last + 1;
    }
    count_ = 0;
  }

  int waiting_[32];
  size_t count_ = 0;
};

struct Counts {
  uint64_t files = 0;
  uint64_t elf = 0;
};

// Each thread keeps the directories that it finds and works on the latest; a thread that has none
// takes another's first, and so largest, one. Paths are relative to the root's descriptor.
struct Queue {
  std::mutex mutex;
  std::vector<std::string> waiting;
  size_t first = 0;
};

class Floor {
 public:
  Floor(int root, unsigned threads) : root_(root), queues_(threads) {}

  Counts run() {
    queues_[0].waiting.emplace_back(".");
    pending_ = 1;
    std::vector<Counts> counts(queues_.size());
    std::vector<std::thread> pool;
    for (unsigned index = 0; index < queues_.size(); ++index)
      pool.emplace_back([this, index, &counts] { counts[index] = work(index); });
    for (std::thread& thread : pool)
      thread.join();
    Counts all;
    for (const Counts& own : counts) {
      all.files += own.files;
      all.elf += own.elf;
    }
    return all;
  }

 private:
  Counts work(unsigned index) {
    syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE);
    Counts own;
    Closing closing;
    std::vector<char> listing(listingBytes);
    std::vector<std::string> below;
    std::string directory;
    while (pending_.load(std::memory_order_acquire) != 0) {
      if (!take(index, directory)) {
        std::this_thread::yield();
        continue;
      }
      list(directory, listing, below, own, closing);
      if (!below.empty()) {
        pending_.fetch_add(below.size(), std::memory_order_relaxed);
        const std::lock_guard lock(queues_[index].mutex);
        std::move(below.begin(), below.end(), std::back_inserter(queues_[index].waiting));
      }
      below.clear();
      pending_.fetch_sub(1, std::memory_order_release);
    }
    return own;
  }

  bool take(unsigned index, std::string& directory) {
    for (unsigned step = 0; step < queues_.size(); ++step) {
      Queue& queue = queues_[(index + step) % queues_.size()];
      const std::lock_guard lock(queue.mutex);
      if (queue.first == queue.waiting.size()) continue;
      if (step == 0) {
        directory = std::move(queue.waiting.back());
        queue.waiting.pop_back();
      } else {
        directory = std::move(queue.waiting[queue.first++]);
      }
      if (queue.first == queue.waiting.size()) {
        queue.waiting.clear();
        queue.first = 0;
      }
      return true;
    }
    return false;
  }

  void list(const std::string& path, std::vector<char>& listing, std::vector<std::string>& below,
            Counts& own, Closing& closing) const {
    const int directory =
        openat(root_, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME);
    if (directory < 0) return;
    for (;;) {
      const long length = syscall(SYS_getdents64, directory, listing.data(), listing.size());
      if (length <= 0) break;
      for (long at = 0; at < length;) {
        const auto* entry = reinterpret_cast<const Entry*>(listing.data() + at);
        at += entry->size;
        const char* name = entry->name;
        if (entry->type == DT_REG) {
          read(directory, name, own, closing);
        } else if (entry->type == DT_DIR && std::strcmp(name, ".") != 0 &&
                   std::strcmp(name, "..") != 0) {
          below.push_back(path == "." ? name : path + '/' + name);
        } else if (entry->type == DT_UNKNOWN) {
          std::fputs("this file system does not tell the types of directory entries\n", stderr);
          std::exit(2);
        }
      }
    }
    closing.add(directory);
  }

  static void read(int directory, const char* name, Counts& own, Closing& closing) {
    ++own.files;
    const int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    if (file < 0) return;
    alignas(8) char bytes[firstBytes];
    const ssize_t length = pread(file, bytes, sizeof bytes, 0);
    if (length >= EI_NIDENT && std::memcmp(bytes, ELFMAG, SELFMAG) == 0) {
      ++own.elf;
      if (bytes[EI_CLASS] == ELFCLASS64) {
        readTables<Elf64_Ehdr, Elf64_Phdr>(file, bytes, length);
      } else {
        readTables<Elf32_Ehdr, Elf32_Phdr>(file, bytes, length);
      }
    }
    closing.add(file);
  }

  // For this machine's byte order; of other files only the header is read.
  template <typename Header, typename Segment>
  static void readTables(int file, const char* bytes, ssize_t length) {
    struct stat state {};
    fstat(file, &state);
    if (length < ssize_t{sizeof(Header)} || bytes[EI_DATA] != ELFDATA2LSB) return;
    Header header;
    std::memcpy(&header, bytes, sizeof header);
    if (header.e_phentsize != sizeof(Segment)) return;
    char buffer[tableBytes];
    const size_t size = std::min(header.e_phnum * sizeof(Segment), sizeof buffer);
    if (header.e_phoff <= static_cast<size_t>(length) &&
        size <= static_cast<size_t>(length) - header.e_phoff) {
      std::memcpy(buffer, bytes + header.e_phoff, size);
    } else if (pread(file, buffer, size, static_cast<off_t>(header.e_phoff)) !=
               static_cast<ssize_t>(size)) {
      return;
    }
    for (size_t at = 0; at + sizeof(Segment) <= size; at += sizeof(Segment)) {
      Segment segment;
      std::memcpy(&segment, buffer + at, sizeof segment);
      if (segment.p_type != PT_DYNAMIC) continue;
      const size_t wanted = std::min<size_t>(segment.p_filesz, sizeof buffer);
      if (pread(file, buffer, wanted, static_cast<off_t>(segment.p_offset)) < 0) return;
      return;
    }
  }

  int root_;
  std::vector<Queue> queues_;
  std::atomic<size_t> pending_{0};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const unsigned threads = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2]))
                                     : std::thread::hardware_concurrency();
  const auto start = std::chrono::steady_clock::now();
  const int root = open(arguments[1], O_RDONLY | O_DIRECTORY);
  if (root < 0) {
    std::perror(arguments[1]);
    return 2;
  }
  const Counts counts = Floor(root, std::max(threads, 1U)).run();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  std::printf("{\"files\":%llu,\"elf\":%llu,\"milliseconds\":%.3f}\n",
              static_cast<unsigned long long>(counts.files),
              static_cast<unsigned long long>(counts.elf), taken.count());
}
