#include "scan/store_listing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "scan/directory.hpp"
#include "scan/store_path.hpp"

namespace fixelf {

namespace {

struct Entry {
  std::string name;
  uint64_t inode = 0;
};

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

Result<std::string> listStore(const std::string& path) {
  auto directory = OpenDirectory::open(AT_FDCWD, path.c_str(), true, path);
  if (!directory) return directory.error();
  std::vector<Entry> entries;
  std::unordered_set<std::string> locked;
  Listing listing;
  for (bool more = true; more;) {
    const auto listed = listing.next(**directory, path);
    if (!listed) return listed.error();
    more = *listed;
    for (const DirectoryEntry& entry : listing.entries()) {
      const std::string_view name(listing.name(entry), entry.nameLength);
      if (!isStorePathName(name) || endsWith(name, ".drv")) continue;
      constexpr std::string_view lock = ".lock";
      if (endsWith(name, lock)) {
        locked.emplace(name.substr(0, name.size() - lock.size()));
      } else {
        entries.push_back(Entry{std::string(name), entry.inode});
      }
    }
  }
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
