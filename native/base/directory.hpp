// An open directory and its entries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/opener.hpp"

namespace fixelf {

// Opening a directory's entries needs its descriptor, so it stays open until the last of them has
// been opened.
class OpenDirectory {
 public:
  OpenDirectory(int descriptor, Opener* opener) : descriptor_(descriptor), opener_(opener) {}
  OpenDirectory(const OpenDirectory&) = delete;
  OpenDirectory& operator=(const OpenDirectory&) = delete;
  ~OpenDirectory();

  // Relative to `parent` (or AT_FDCWD), and only a directory: a symbolic link to one is followed if
  // `follow`. The error's path is `path`. `opener`, if given, outlives it.
  static Result<std::shared_ptr<OpenDirectory>> open(int parent, const char* name, bool follow,
                                                     const std::string& path,
                                                     Opener* opener = nullptr);

  // Through several names, one below the other, none of which may be a symbolic link.
  static Result<std::shared_ptr<OpenDirectory>> openBelow(int parent, std::string_view names,
                                                          const std::string& path,
                                                          Opener* opener = nullptr);

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
  Opener* opener_;
};

enum class EntryType { File, Directory, Link, Other };

struct DirectoryEntry {
  uint64_t inode;
  uint32_t nameAt;  // into the listing's names
  uint32_t nameLength;
  EntryType type;
};

// Lists a directory piece by piece, so that one with millions of entries needs no more memory than
// one with thousands. The same object serves many directories, and keeps its buffers.
class Listing {
 public:
  Listing();

  // The next entries, without "." and "..", in the kernel's order. False at the end.
  Result<bool> next(const OpenDirectory& directory, const std::string& path);

  // For callers that open the entries: file systems put the data of neighbouring inodes close
  // together, so a disk that has to seek moves in one direction.
  void sortByInode();

  [[nodiscard]] const std::vector<DirectoryEntry>& entries() const { return entries_; }
  // NUL-terminated.
  [[nodiscard]] const char* name(const DirectoryEntry& entry) const {
    return names_.data() + entry.nameAt;
  }

 private:
  std::vector<char> buffer_;
  std::string names_;
  std::vector<DirectoryEntry> entries_;
};

}  // namespace fixelf
