#include "scan/store_listing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/directory.hpp"
#include "scan/store_path.hpp"

namespace fixelf {

namespace {

// Where a name is among all of them: an allocation for each of thousands would take longer than the
// kernel's listing. The first eight bytes as a number decide nearly every comparison, since a store
// path begins with its hash.
struct Entry {
  uint64_t head = 0;
  size_t start = 0;
  size_t length = 0;
  uint64_t inode = 0;
};

// For a longer name: the number compares like its bytes.
uint64_t headOf(std::string_view name) {
  uint64_t head = 0;
  for (const char character : name.substr(0, sizeof head))
    head = head << 8U | static_cast<unsigned char>(character);
  return head;
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

Result<std::string> listStore(const std::string& path, const std::stop_token& stop) {
  auto directory = OpenDirectory::open(AT_FDCWD, path.c_str(), true, path);
  if (!directory) return directory.error();
  std::string names;
  std::vector<Entry> entries;
  std::unordered_set<std::string> locked;
  Listing listing;
  for (bool more = true; more;) {
    const auto listed = listing.next(**directory, path);
    if (!listed) return listed.error();
    if (stop.stop_requested()) return cancelled("the listing of the store");
    more = *listed;
    for (const DirectoryEntry& entry : listing.entries()) {
      const std::string_view name(listing.name(entry), entry.nameLength);
      if (!isStorePathName(name) || endsWith(name, ".drv")) continue;
      constexpr std::string_view lock = ".lock";
      if (endsWith(name, lock)) {
        locked.emplace(name.substr(0, name.size() - lock.size()));
      } else {
        entries.push_back(Entry{headOf(name), names.size(), name.size(), entry.inode});
        names += name;
      }
    }
  }
  const auto nameOf = [&](const Entry& entry) {
    return std::string_view(names).substr(entry.start, entry.length);
  };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return a.head != b.head ? a.head < b.head : nameOf(a) < nameOf(b);
  });
  constexpr size_t longestInode = 20;  // the digits of the largest
  std::string lines;
  lines.reserve(names.size() + entries.size() * (longestInode + 2));
  for (const Entry& entry : entries) {
    const std::string_view name = nameOf(entry);
    lines += name;
    lines += '\t';
    lines += std::to_string(entry.inode);
    if (!locked.empty() && locked.count(std::string(name)) != 0) lines += "\tlock";
    lines += '\n';
  }
  return lines;
}

}  // namespace fixelf
