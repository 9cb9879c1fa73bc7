// A new file that takes another one's place, or never existed.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/location.hpp"

namespace fixelf {

// An unnamed file (O_TMPFILE) in the directory of `target`, so that nothing stays behind when the
// process is killed; where the file system has no unnamed files, a named one that the destructor
// removes.
//
// To be renamed it needs a name for a moment: always the same one for one target, which the
// original has for a moment after it. If the process is killed in just this moment, whoever comes
// next finds the leftover, sees by its lock that nobody works on it any more, and removes it.
class Replacement {
 public:
  static Result<Replacement> create(Location target);
  // Removes what a killed process may have left beside the target.
  static void removeLeftover(const Location& target);
  // Removes such a leftover by its own path, if it is one.
  static void removeAbandoned(const std::string& path);

  Replacement(Replacement&&) noexcept;
  Replacement& operator=(Replacement&&) = delete;
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement();

  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] const Location& target() const { return target_; }

  [[nodiscard]] Status copyOwner(int original) const;
  // After the owner: mode, extended attributes (ACLs and file capabilities are such) and times.
  [[nodiscard]] Status copyMetadata(int original) const;
  // Who may read, write and execute it (mode and ACL), for a file that is another than the
  // original: not its owner, on whose behalf setuid and file capabilities would speak.
  [[nodiscard]] Status copyPermissions(int original) const;
  // The rename. The content has to be flushed before.
  Status publish();
  // The same, but fails with Changed, and leaves what is there, where that is not `original` any
  // more. Between a look at a name and a rename somebody may have put another file there; so the
  // two files are exchanged, and what came out is looked at. Where the file system cannot exchange
  // files, it is a rename.
  Status publishInsteadOf(const struct stat& original);

 private:
  [[nodiscard]] Status copyAcl(int original) const;
  Status takeName();
  bool giveBack();
  [[nodiscard]] Error changedMeanwhile() const;
  [[nodiscard]] Error leftBehind() const;

  Replacement(Location target, Descriptor file, bool named)
      : target_(std::move(target)), file_(std::move(file)), named_(named) {}

  Location target_;
  Descriptor file_;
  bool named_;  // whether the new file has its name for the moment now
};

}  // namespace fixelf
