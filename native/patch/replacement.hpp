// A new file that takes another one's place, or never existed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "elf/error.hpp"
#include "elf/source.hpp"
#include "patch/descriptor.hpp"

namespace fixelf {

// An unnamed file (O_TMPFILE) in the directory of `target`, so that nothing stays behind when the
// process is killed; where the file system has no unnamed files, a named one that the destructor
// removes.
class Replacement {
 public:
  static Result<Replacement> create(const std::string& target);

  Replacement(Replacement&&) noexcept;
  Replacement& operator=(Replacement&&) = delete;
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement();

  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] int directory() const { return directory_.get(); }

  // Content of the original: shared extents where possible, holes kept.
  Status copyFrom(int original, uint64_t size) const;
  // Puts bytes at their offsets and sets the size.
  Status apply(const std::vector<ByteRange>& ranges, uint64_t size) const;
  // Owner, mode, extended attributes (ACLs and file capabilities are such) and times.
  Status copyMetadata(int original) const;
  // Who may read, write and execute it, for a file that is another than the original: not its
  // owner, on whose behalf setuid and file capabilities would speak.
  Status copyPermissions(int original) const;
  // The rename. The content has to be flushed before.
  Status publish();

 private:
  Replacement(Descriptor directory, Descriptor file, std::string target, std::string name,
              std::string temporary)
      : directory_(std::move(directory)),
        file_(std::move(file)),
        target_(std::move(target)),
        name_(std::move(name)),
        temporary_(std::move(temporary)) {}

  Descriptor directory_;
  Descriptor file_;
  std::string target_;     // for messages
  std::string name_;       // the target's name in its directory
  std::string temporary_;  // our name in that directory, empty while we have none
};

// All of `bytes` at an offset, or the reason why not.
Status writeFully(int descriptor, uint64_t offset, std::span<const uint8_t> bytes,
                  const std::string& path);

}  // namespace fixelf
