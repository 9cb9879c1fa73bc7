// Where a file is: its directory, held open, and its name in there.
//
// A path is resolved from its beginning each time it is used, and whoever may write to one of its
// directories can put a symbolic link in place of the next one between two uses. So a path is used
// once: each directory on the way is entered without following a link, and everything done
// afterwards (opening the file, putting another one in its place, removing what was left beside it)
// goes through the directory's descriptor. A directory that is renamed meanwhile is still the same
// directory.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace fixelf {

// Opens a path of which no component is a symbolic link or "..": openat2(2) with
// RESOLVE_NO_SYMLINKS, or directory by directory with O_NOFOLLOW if the kernel is older than 5.6 or
// a sandbox hides the call. Sets errno on failure, to ELOOP for a link; `flags` as for open(2).
Descriptor openWithoutLinks(const std::string& path, int flags);

class Location {
 public:
  // For a path as above; the file itself need not exist.
  static Result<Location> of(const std::string& path);

  // Opens the file, never the target of a link in its place. Sets errno on failure.
  [[nodiscard]] Descriptor open(int flags) const;

  // For calls such as renameat(2), with `name` or a name beside it.
  [[nodiscard]] int directory() const { return directory_.get(); }
  // Fails with PermissionDenied if the directory may be entered but not read: it could not be
  // flushed after a change.
  [[nodiscard]] Status demandFlushable() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& path() const { return path_; }  // for messages

 private:
  Location(Descriptor directory, bool isReadable, std::string path, std::string name)
      : directory_(std::move(directory)),
        isReadable_(isReadable),
        path_(std::move(path)),
        name_(std::move(name)) {}

  Descriptor directory_;
  bool isReadable_;
  std::string path_;
  std::string name_;
};

// The path without links that a path named by a user leads to. Links are followed, since users have
// them in their own paths; but a link that belongs neither to root nor to the effective user leads
// only to what belongs to its owner too. (The kernel's protected_symlinks, proc_sys_fs(5), requires
// the same of links in directories such as /tmp; Apache of all of them, with SymLinksIfOwnerMatch.)
// Otherwise it fails with PermissionDenied, and with NotFound if there is nothing. `passed` is
// called with each directory and link on the way, and with what the path leads to.
using Passed = std::function<void(const std::string& path, const struct stat& state)>;
Result<std::string> realPath(const std::string& named, const Passed& passed = {});

// The same for something to be written: only its directory has to exist, and has to belong to the
// owner of a link that leads there. For what this process has open, such as /dev/stdout, the result
// is the kernel's link to it.
Result<std::string> realTarget(const std::string& named);

// Whether a target is such a link of the kernel's, which is to be followed.
bool isOpenAlready(const std::string& target);

// Opens the directory that a user has named, following links as above, and creates it if it does
// not exist, with any missing ones above it. Before anything is created, `mayMake` is asked about
// the directory that exists.
using MayMake = std::function<Status(int directory, const std::string& path)>;
Result<Descriptor> makeDirectories(const std::string& named, mode_t mode,
                                   const MayMake& mayMake = {});

}  // namespace fixelf
