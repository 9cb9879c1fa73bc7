#include "base/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace fixelf {

namespace {

constexpr size_t kBufferSize = size_t{64} << 10;
constexpr size_t kMostEntries = size_t{32} << 10;

// <linux/dirent.h>; glibc's struct dirent64 has the same layout with a name of fixed size.
struct KernelEntry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
};
constexpr size_t kNameAt = offsetof(KernelEntry, type) + 1;

EntryType typeOf(uint8_t kernelType, int directory, const char* name) {
  switch (kernelType) {
    case DT_REG:
      return EntryType::File;
    case DT_DIR:
      return EntryType::Directory;
    case DT_LNK:
      return EntryType::Link;
    case DT_UNKNOWN: {
      // Some file systems do not keep types in directories (getdents(2)).
      struct stat state {};
      if (fstatat(directory, name, &state, AT_SYMLINK_NOFOLLOW) != 0) return EntryType::Other;
      if (S_ISREG(state.st_mode)) return EntryType::File;
      if (S_ISDIR(state.st_mode)) return EntryType::Directory;
      return S_ISLNK(state.st_mode) ? EntryType::Link : EntryType::Other;
    }
    default:
      return EntryType::Other;
  }
}

}  // namespace

OpenDirectory::~OpenDirectory() {
  if (opener_ != nullptr) {
    opener_->close(descriptor_);
  } else {
    ::close(descriptor_);
  }
}

Result<std::shared_ptr<OpenDirectory>> OpenDirectory::open(int parent, const char* name,
                                                           bool follow, const std::string& path,
                                                           Opener* opener) {
  const int flags = O_DIRECTORY | (follow ? 0 : O_NOFOLLOW);
  const int descriptor = opener != nullptr ? opener->open(parent, name, flags)
                                           : openat(parent, name, O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return systemError(errno, "list the directory", path);
  return std::make_shared<OpenDirectory>(descriptor, opener);
}

Result<std::shared_ptr<OpenDirectory>> OpenDirectory::openBelow(int parent, std::string_view names,
                                                                const std::string& path,
                                                                Opener* opener) {
  // O_NOFOLLOW applies only to the last name (open(2)): so each name is the last one of an open.
  std::shared_ptr<OpenDirectory> above;
  for (size_t slash = names.find('/'); slash != std::string_view::npos; slash = names.find('/')) {
    const std::string name(names.substr(0, slash));
    auto opened = open(parent, name.c_str(), false, path, opener);
    if (!opened) return opened.error();
    above = std::move(*opened);
    parent = above->descriptor();
    names.remove_prefix(slash + 1);
  }
  return open(parent, std::string(names).c_str(), false, path, opener);
}

Listing::Listing() : buffer_(kBufferSize) {}

Result<bool> Listing::next(const OpenDirectory& directory, const std::string& path) {
  entries_.clear();
  names_.clear();
  const int descriptor = directory.descriptor();
  bool more = true;
  while (more && entries_.size() < kMostEntries) {
    const auto length = syscall(SYS_getdents64, descriptor, buffer_.data(), buffer_.size());
    if (length < 0) return systemError(errno, "list the directory", path);
    more = length > 0;
    for (size_t at = 0; at < static_cast<size_t>(length);) {
      KernelEntry entry{};
      std::memcpy(&entry, buffer_.data() + at, kNameAt);
      const char* name = buffer_.data() + at + kNameAt;
      at += entry.length;
      if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
      const size_t nameLength = std::strlen(name);
      entries_.push_back({entry.inode, static_cast<uint32_t>(names_.size()),
                          static_cast<uint32_t>(nameLength), typeOf(entry.type, descriptor, name)});
      names_.append(name, nameLength + 1);
    }
  }
  return more;
}

void Listing::sortByInode() {
  std::sort(entries_.begin(), entries_.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.inode < b.inode; });
}

}  // namespace fixelf
