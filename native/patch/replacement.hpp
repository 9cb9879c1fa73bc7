// A new file that takes another one's place, or never existed.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/location.hpp"

namespace fixelf {

// An unnamed file (O_TMPFILE) in the directory of `target`, so that nothing is left behind if the
// process is killed; where the file system has no unnamed files, a named one that the destructor
// removes.
//
// To be renamed it needs a name for a moment: always the same one for a given target, which the
// original has for a moment afterwards. If the process is killed at just this moment, the next one
// finds the leftover, sees by its lock that no process works on it any more, and removes it.
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
  // After the owner: mode, extended attributes (including ACLs and file capabilities) and times.
  [[nodiscard]] Status copyMetadata(int original) const;
  // Who may read, write and execute it (mode and ACL), for a file other than the original: not its
  // owner, on whose behalf setuid and file capabilities would act.
  [[nodiscard]] Status copyPermissions(int original) const;
  // The rename. The content has to be flushed first.
  Status publish();
  // The same, but fails with Changed, leaving what is there, if that is no longer the open file
  // `original` as it was `before`.
  // Between a look at a name and a rename another file may be put there; so the two files are
  // exchanged, and what came out is examined. If the file system cannot exchange files, it is a
  // rename.
  Status publishInsteadOf(int original, const struct stat& before);

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
  bool named_;  // whether the new file has its temporary name now
};

}  // namespace fixelf
