// The files that records are about: what became of each, and which record fits a file that was
// moved.
//
// A record is found by the path of its file. A tree that was moved or copied as a whole has other
// paths and the same content, and the content alone says whether a record leads it back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "patch/journal.hpp"

namespace fixelf {

enum class RecordedState {
  Fixed,        // the file is as the change left it: undo gives the original back
  Interrupted,  // a change in place came half-way: undo mends it
  Changed,      // somebody has written to the file since, or restored it by other means
  Gone,         // no file has that path
  Away,         // nor is its directory there: it may be on a disk that is not mounted
  Unknown,      // the file or the record cannot be read
};

// "fixed", "interrupted", "changed", "gone", "away", "unknown".
const char* recordedStateName(RecordedState state);

// Of a failure to open a recorded file: whether that is not there, or something else is that is no
// file, or is reached by a symbolic link.
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
  // record of which it is not known what file it is about.
  std::vector<Error> failures;
};

// Every file at or below a path that a record is kept of.
Result<RecordedFiles> recordedFiles(const std::string& below, const std::string& recordDirectory);

// Which records may be removed. Without its record, no undo gives a file's original back.
enum class Forget {
  Useless,  // of a file that holds something else now, or is gone
  OfMoved,  // also where its directory is not there: the file has been found elsewhere
  Any,
};

// Removes the records of files, those that `which` allows. Fails with Unsupported where one is kept
// for that reason. The answers are in the order of the paths.
std::vector<Status> forgetAll(const std::vector<std::string>& paths,
                              const std::string& recordDirectory, Forget which);

// Removes what is remembered of a path, under the rule above.
Status forgetRecord(const std::string& path, const Journal& journal, Forget which);

// Records by the content that a change left. Reads all of them once, when first asked.
class RecordsByContent {
 public:
  explicit RecordsByContent(const Journal& journal) : journal_(journal) {}

  // The record of the change that left this content under another path; nothing where there is
  // none. Fails with NoUndoRecord where several fit and lead to different originals, and where none
  // does and there are some that cannot be read.
  Result<std::optional<Record>> find(const FileSource& file);

 private:
  Status read();

  const Journal& journal_;
  bool isRead_ = false;
  std::multimap<uint64_t, std::string> pathsBySize_;  // of the changed file
  std::optional<Error> unreadable_;                   // of the first such record
};

// Of some files, those that have no record under their own path, and one under another. Records
// that cannot be read are passed over.
Result<std::vector<std::string>> recordedElsewhere(const std::vector<std::string>& paths,
                                                   const std::string& recordDirectory);

}  // namespace fixelf
