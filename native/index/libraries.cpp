#include "index/libraries.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <unordered_set>

#include "base/directory.hpp"
#include "base/parallel.hpp"
#include "resolve/files.hpp"
#include "scan/library_name.hpp"

namespace fixelf {

namespace {

constexpr const char* kLibraryDirectories[] = {"lib", "lib64", "lib32"};
constexpr unsigned kDeepest = 6;
// Store paths that a thread takes at a time, with the buffers that one needs.
constexpr size_t kAtOnce = 16;

// A file that is missing, forbidden or not an ELF file will still be so tomorrow. A disk or a
// server that did not respond (EIO, ESTALE), or a signal (EINTR), says nothing about the file.
bool isPassing(const Error& error) {
  if (error.code == ErrorCode::Changed) return true;
  if (error.code != ErrorCode::Io) return false;
  // open(2)'s errors about a path: a link, a socket, a missing driver; 0 is our own limit on links.
  constexpr int kLasting[] = {0, ELOOP, ENXIO, ENODEV, ENAMETOOLONG};
  return std::ranges::find(kLasting, error.systemError) == std::end(kLasting);
}

class Reader {
 public:
  Reader(const Files& files, bool facts) : files_(files), facts_(facts) {}

  Result<StorePathLibraries> read(const std::string& host, const std::string& storePath) {
    found_ = {};
    seen_.clear();
    shortage_.reset();
    storePath_ = storePath;
    if (const auto top = open(AT_FDCWD, host.c_str(), host)) {
      for (const char* name : kLibraryDirectories) {
        if (!visit(*top, name, name, 1)) visitLink(*top, name, 1);
      }
    }
    if (facts_) readFacts(host);
    if (shortage_) return *shortage_;
    return std::move(found_);
  }

 private:
  // `named`: the names by which it was reached; `real`: the same without links; both below the
  // store path. Returns whether there is a directory of exactly that name.
  bool visit(const OpenDirectory& top, const std::string& named, const std::string& real,
             unsigned depth) {
    std::shared_ptr<OpenDirectory> directory = openBelow(top, real);
    if (directory == nullptr) return false;
    if (!seen_.insert(real).second) return true;
    const std::vector<Entry> entries = list(*directory, real);
    directory.reset();  // a tree may be deeper than there are descriptors
    for (const Entry& entry : entries) {
      if (shortage_) break;
      const std::string below = named + "/" + entry.name;
      const std::string realHere = real + "/" + entry.name;
      const bool isLink = entry.type == EntryType::Link;
      if (entry.type == EntryType::Directory) {
        if (depth < kDeepest) visit(top, below, realHere, depth + 1);
      } else if (looksLikeLibrary(entry.name)) {
        found_.names.push_back(
            {entry.name, below, isLink ? realBelow(below) : std::optional(realHere)});
      } else if (isLink && depth < kDeepest) {
        visitLink(top, below, depth + 1);
      }
    }
    return true;
  }

  void visitLink(const OpenDirectory& top, const std::string& named, unsigned depth) {
    if (const auto real = realBelow(named)) visit(top, named, *real, depth);
  }

  struct Entry {
    std::string name;
    EntryType type;
  };

  std::vector<Entry> list(const OpenDirectory& directory, const std::string& path) {
    std::vector<Entry> entries;
    for (bool more = true; more;) {
      auto listed = listing_.next(directory, path);
      if (!listed) {
        note(listed.error());
        break;
      }
      more = *listed;
      for (const DirectoryEntry& entry : listing_.entries()) {
        if (entry.type != EntryType::Other) entries.push_back({listing_.name(entry), entry.type});
      }
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

  void readFacts(const std::string& host) {
    std::unordered_set<std::string> read;
    for (const LibraryName& name : found_.names) {
      if (!name.real || !read.insert(*name.real).second) continue;
      auto source = FileSource::open(host + "/" + *name.real, windows_);
      if (!source) {
        note(source.error());
        continue;
      }
      if (auto facts = fixelf::readFacts(**source, *name.real))
        found_.elf.push_back(std::move(*facts));
      else
        note(facts.error());
    }
  }

  // Where a path in the store path leads, if that is in the store path too.
  std::optional<std::string> realBelow(const std::string& below) {
    const auto real = files_.realPath(storePath_ + "/" + below);
    if (!real) note(real.error());
    if (!real || !real->starts_with(storePath_ + "/")) return std::nullopt;
    return real->substr(storePath_.size() + 1);
  }

  // Null if there is no directory of exactly that name.
  std::shared_ptr<OpenDirectory> open(int parent, const char* name, const std::string& path) {
    return kept(OpenDirectory::open(parent, name, false, path));
  }

  std::shared_ptr<OpenDirectory> openBelow(const OpenDirectory& top, const std::string& real) {
    return kept(OpenDirectory::openBelow(top.descriptor(), real, real));
  }

  std::shared_ptr<OpenDirectory> kept(Result<std::shared_ptr<OpenDirectory>> opened) {
    if (opened) return std::move(*opened);
    note(opened.error());
    return nullptr;
  }

  void note(const Error& error) {
    if (isShortage(error)) shortage_ = error;
    if (isPassing(error)) found_.complete = false;
  }

  const Files& files_;
  bool facts_;
  std::string storePath_;
  StorePathLibraries found_;
  std::unordered_set<std::string> seen_;
  std::optional<Error> shortage_;
  Listing listing_;
  ReadWindows windows_;
};

}  // namespace

Result<std::vector<StorePathLibraries>> readLibraries(const std::string& root,
                                                      const std::string& store,
                                                      const std::vector<std::string>& storePaths,
                                                      bool facts, const std::stop_token& stop) {
  const Files files(root);
  // The root's own directories may be links within it; store paths are not.
  const std::string host = files.hostPath(store);
  std::vector<StorePathLibraries> libraries(storePaths.size());
  std::mutex mutex;
  std::optional<Error> failure;
  inParallel((storePaths.size() + kAtOnce - 1) / kAtOnce, [&](size_t part) {
    Reader reader(files, facts);
    const size_t end = std::min(storePaths.size(), (part + 1) * kAtOnce);
    for (size_t at = part * kAtOnce; at < end && !stop.stop_requested(); ++at) {
      const std::string below = "/" + storePaths[at];
      auto read = reader.read(host + below, store + below);
      if (read) {
        libraries[at] = std::move(*read);
        continue;
      }
      const std::lock_guard lock(mutex);
      failure = read.error();
      return;
    }
  });
  if (failure) return *failure;
  if (stop.stop_requested()) return cancelled("the reading of libraries");
  return libraries;
}

}  // namespace fixelf
