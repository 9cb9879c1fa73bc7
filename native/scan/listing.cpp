#include "scan/listing.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace fixelf {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

struct Entry {
  std::string name;
  uint64_t inode = 0;
};

constexpr size_t hashLength = 32;

bool isHash(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// "<hash>-<name>". Nix allows neither tabs nor newlines in a name (libstore/path.cc).
bool isStorePath(std::string_view name) {
  return name.size() > hashLength + 1 && name[hashLength] == '-' &&
         isHash(name.substr(0, hashLength)) && name.find_first_of("\t\n") == std::string_view::npos;
}

}  // namespace

Result<std::string> listStore(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (!directory) return systemError(errno, "list the directory", path);
  std::vector<Entry> entries;
  std::unordered_set<std::string> locked;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (!isStorePath(name) || endsWith(name, ".drv")) continue;
    constexpr std::string_view lock = ".lock";
    if (endsWith(name, lock)) {
      locked.emplace(name.substr(0, name.size() - lock.size()));
    } else {
      entries.push_back(Entry{std::string(name), entry->d_ino});
    }
  }
  if (errno != 0) return systemError(errno, "list the directory", path);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  std::string lines;
  for (const Entry& entry : entries) {
    lines += entry.name;
    lines += '\t';
    lines += std::to_string(entry.inode);
    if (locked.count(entry.name) != 0) lines += "\tlock";
    lines += '\n';
  }
  return lines;
}

}  // namespace fixelf
