// The files that records are about: what became of each, and which record fits a file that was
// moved.
//
// A record is found by the path of its file. A tree that was moved or copied as a whole has other
// paths but the same content, and only the content decides whether a record leads it back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "patch/journal.hpp"

namespace fixelf {

enum class RecordedState {
  Fixed,        // the file is as the change left it: undo restores the original
  Interrupted,  // a change in place got only half-way: undo mends it
  Changed,      // the file has since been written to, or restored by other means
  Gone,         // no file has that path
  Away,         // nor does its directory exist: it may be on a disk that is not mounted
  Unknown,      // the file or the record cannot be read
};

// "fixed", "interrupted", "changed", "gone", "away", "unknown".
const char* recordedStateName(RecordedState state);

// For a failure to open a recorded file: whether it is not there, or what is there is not a file or
// is reached through a symbolic link.
bool isSomewhereElse(const Error& error);

struct RecordedFile {
  std::string path;
  RecordedState state = RecordedState::Unknown;
  uint64_t originalSize = 0;  // 0 where the record cannot be read
  uint64_t fixedSize = 0;
  bool inPlace = false;
};

struct RecordedFiles {
  std::vector<RecordedFile> files;  // sorted by path
  // Why records cannot be read; each error's path is that of a file whose state is Unknown, or of a
  // record whose file is not known.
  std::vector<Error> failures;
};

// Every file at or below a path that has a record.
Result<RecordedFiles> recordedFiles(const std::string& below, const std::string& recordDirectory);

// Which records may be removed. Without its record, a file's original cannot be restored.
enum class Forget {
  Useless,  // of a file that holds something else now, or is gone
  OfMoved,  // also if its directory is not there: the file has been found elsewhere
  Any,
};

// Removes the records of files, those that `which` allows. Fails with Unsupported if one is kept
// for that reason. The answers are in the order of the paths.
std::vector<Status> forgetAll(const std::vector<std::string>& paths,
                              const std::string& recordDirectory, Forget which);

// Removes what is remembered about a path, under the rule above.
Status forgetRecord(const std::string& path, const Journal& journal, Forget which);

// Finds records by the content that a change left. Reads all of them once, when first asked.
class RecordsByContent {
 public:
  explicit RecordsByContent(const Journal& journal) : journal_(journal) {}

  // The record of the change that left this content under another path; nothing if there is none.
  // Fails with NoUndoRecord if several fit and lead to different originals, or if none does and
  // some cannot be read.
  Result<std::optional<Record>> find(const FileSource& file);

 private:
  Status read();

  const Journal& journal_;
  bool isRead_ = false;
  std::multimap<uint64_t, std::string> pathsBySize_;  // of the changed file
  std::optional<Error> unreadable_;                   // of the first such record
};

// Those of the files that have no record under their own path, and one under another. Records that
// cannot be read are skipped.
Result<std::vector<std::string>> recordedElsewhere(const std::vector<std::string>& paths,
                                                   const std::string& recordDirectory);

}  // namespace fixelf
