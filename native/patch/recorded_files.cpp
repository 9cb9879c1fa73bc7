#include "patch/recorded_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/location.hpp"
#include "patch/write.hpp"

namespace fixelf {

namespace {

RecordedState asRecorded(FileState state) {
  switch (state) {
    case FileState::After:
      return RecordedState::Fixed;
    case FileState::Mixture:
      return RecordedState::Interrupted;
    case FileState::Before:
    case FileState::Foreign:
      break;
  }
  return RecordedState::Changed;
}

Result<RecordedState> afterFailure(const Error& error, const std::string& path) {
  if (isShortage(error)) return error;
  if (!isSomewhereElse(error)) return RecordedState::Unknown;
  const std::string directory = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  const bool isThere =
      ::access(directory.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
  return isThere ? RecordedState::Gone : RecordedState::Away;
}

Result<std::unique_ptr<FileSource>> openToCompare(const std::string& path) {
  auto location = Location::of(path);
  if (!location) return location.error();
  return openLocked(*location, WriteMode::Atomic);
}

// What became of the file; its lock is held while `file` lives. Fails only if nothing can be opened
// at the moment.
Result<RecordedState> stateOf(const std::string& path, const Remembered& remembered,
                              std::unique_ptr<FileSource>& file) {
  auto opened = openToCompare(path);
  if (!opened) return afterFailure(opened.error(), path);
  file = std::move(*opened);
  auto state = compare(*file, remembered);
  if (!state) return afterFailure(state.error(), path);
  // A change that left another change's bytes as they were (an undo that had not begun) still
  // counts as settled.
  if (*state == FileState::Before && remembered.settled) return RecordedState::Fixed;
  return asRecorded(*state);
}

// For a failure to load: whether there is no record from which anything could be restored.
bool leadsNowhere(const Error& error) {
  return error.code == ErrorCode::NoUndoRecord || error.code == ErrorCode::Malformed;
}

bool leadToOneOriginal(const Record& one, const Record& other) {
  return one.originalSize == other.originalSize &&
         std::equal(one.original.begin(), one.original.end(), other.original.begin(),
                    other.original.end(), [](const ByteRange& first, const ByteRange& second) {
                      return first.offset == second.offset && first.bytes == second.bytes;
                    });
}

}  // namespace

const char* recordedStateName(RecordedState state) {
  switch (state) {
    case RecordedState::Fixed:
      return "fixed";
    case RecordedState::Interrupted:
      return "interrupted";
    case RecordedState::Changed:
      return "changed";
    case RecordedState::Gone:
      return "gone";
    case RecordedState::Away:
      return "away";
    case RecordedState::Unknown:
      break;
  }
  return "unknown";
}

bool isSomewhereElse(const Error& error) {
  return error.code == ErrorCode::NotFound || error.code == ErrorCode::Changed ||
         error.code == ErrorCode::NotRegular;
}

Result<RecordedFiles> recordedFiles(const std::string& below, const std::string& recordDirectory) {
  auto journal = Journal::openIfThere(recordDirectory);
  if (!journal) return journal.error();
  auto found = journal->pathsBelow(below);
  if (!found) return found.error();
  RecordedFiles recorded{{}, std::move(found->unreadable)};
  for (std::string& path : found->paths) {
    RecordedFile file;
    auto remembered = journal->load(path);
    if (remembered) {
      const Record& record = *remembered->latest();
      std::unique_ptr<FileSource> source;
      auto state = stateOf(path, *remembered, source);
      if (!state) return state.error();
      file.state = *state;
      file.originalSize = record.originalSize;
      file.fixedSize = record.fixedSize;
      file.inPlace = record.inPlace;
    } else if (isShortage(remembered.error())) {
      return remembered.error();
    } else if (remembered.error().code == ErrorCode::NoUndoRecord) {
      continue;  // removed meanwhile
    } else {
      recorded.failures.push_back(std::move(remembered.error()));
    }
    file.path = std::move(path);
    recorded.files.push_back(std::move(file));
  }
  return recorded;
}

Status forgetRecord(const std::string& path, const Journal& journal, Forget which) {
  RecordedState state = RecordedState::Unknown;
  std::unique_ptr<FileSource> file;
  if (auto remembered = journal.load(path)) {
    auto known = stateOf(path, *remembered, file);
    if (!known) return known.error();
    state = *known;
  } else if (!leadsNowhere(remembered.error())) {
    return remembered.error();
  }
  const bool isUseless = state == RecordedState::Changed || state == RecordedState::Gone ||
                         (state == RecordedState::Away && which == Forget::OfMoved);
  if (!isUseless && which != Forget::Any) {
    const char* why = state == RecordedState::Unknown || state == RecordedState::Away
                          ? "it cannot be told whether the file holds the change"
                          : "the file holds the change, and only this record can undo it";
    return Error{ErrorCode::Unsupported, why, path, 0};
  }
  return journal.forget(path);
}

std::vector<Status> forgetAll(const std::vector<std::string>& paths,
                              const std::string& recordDirectory, Forget which) {
  auto journal = Journal::openIfThere(recordDirectory);
  if (!journal) return {paths.size(), Status(journal.error())};
  std::vector<Status> answers;
  answers.reserve(paths.size());
  for (const std::string& path : paths)
    answers.push_back(forgetRecord(path, *journal, which));
  return answers;
}

Status RecordsByContent::read() {
  if (isRead_) return Done{};
  auto recorded = journal_.pathsBelow("/");
  if (!recorded) return recorded.error();
  if (!recorded->unreadable.empty()) unreadable_ = std::move(recorded->unreadable.front());
  for (std::string& path : recorded->paths) {
    auto remembered = journal_.load(path);
    // One that is only half-way leads no other file back.
    if (remembered && !remembered->pending) {
      pathsBySize_.emplace(remembered->settled->fixedSize, std::move(path));
    } else if (!remembered && remembered.error().code != ErrorCode::NoUndoRecord) {
      if (isShortage(remembered.error())) return remembered.error();
      unreadable_ = std::move(remembered.error());
    }
  }
  isRead_ = true;
  return Done{};
}

Result<std::optional<Record>> RecordsByContent::find(const FileSource& file) {
  if (Status status = read(); !status) return status.error();
  std::optional<Record> found;
  const auto [first, last] = pathsBySize_.equal_range(file.size());
  for (auto at = first; at != last; ++at) {
    auto remembered = journal_.load(at->second);
    if (!remembered && isShortage(remembered.error())) return remembered.error();
    if (!remembered || remembered->pending) continue;
    auto state = compare(file, *remembered);
    if (!state) return state.error();
    if (*state != FileState::After) continue;
    if (found && !leadToOneOriginal(*found, *remembered->settled)) {
      return Error{ErrorCode::NoUndoRecord,
                   "the records of " + found->path + " and " + at->second +
                       " both fit this file, and lead to different originals",
                   "", 0};
    }
    // Of several files with the same content, the one that was moved is not a copy.
    const bool isMoved = remembered->settled->inode == file.identity().inode;
    if (!found || isMoved) found = std::move(remembered->settled);
  }
  if (!found && unreadable_) {
    return Error{
        ErrorCode::NoUndoRecord,
        "of the undo records that can be read none is of this file; " + unreadable_->message, "",
        0};
  }
  return found;
}

Result<std::vector<std::string>> recordedElsewhere(const std::vector<std::string>& paths,
                                                   const std::string& recordDirectory) {
  auto journal = Journal::openIfThere(recordDirectory);
  if (!journal) return journal.error();
  RecordsByContent records(*journal);
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    if (journal->load(path)) continue;
    auto file = openToCompare(path);
    if (!file && isShortage(file.error())) return file.error();
    if (!file) continue;
    auto record = records.find(**file);
    if (!record && isShortage(record.error())) return record.error();
    if (record && *record) found.push_back(path);
  }
  return found;
}

}  // namespace fixelf
