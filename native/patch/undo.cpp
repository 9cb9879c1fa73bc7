#include "patch/undo.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/location.hpp"
#include "patch/journal.hpp"
#include "patch/recorded_files.hpp"
#include "patch/replacement.hpp"
#include "patch/write.hpp"

namespace fixelf {

namespace {

// What has to be written to restore a file; nothing if it already is the original.
struct Restoration {
  Record record;
  WriteJob job;
  std::string movedFrom;  // empty where the file is at the path of its record
  bool isCopy = false;    // of a file that may still be there
};

Error changed(const std::string& path) {
  return Error{ErrorCode::Changed, "the file has changed since fixelf wrote it", path, 0};
}

// What has taken the file's place is not what the record is about.
Error notThere(Error error) {
  if (isSomewhereElse(error)) error.code = ErrorCode::NotFound;
  return error;
}

// Its record is kept for other names or copies of the file.
Error notChanged(const std::string& path) {
  return Error{ErrorCode::NoUndoRecord,
               "as far as fixelf had changed it, it is the original already", path, 0};
}

// `left`: what the file has to be; null if only the record counts.
Result<std::optional<Restoration>> plan(const std::string& path, const Journal& journal,
                                        RecordsByContent& elsewhere,
                                        const FileSource::Identity* left) {
  auto location = Location::of(path);
  if (!location) return notThere(location.error());
  auto file = openLocked(*location, WriteMode::Atomic);
  if (left != nullptr && file && !(*file)->identity().hasContentOf(*left)) return changed(path);
  auto remembered = journal.load(path);
  std::string movedFrom;
  bool isCopy = false;
  // If its own is damaged, another one may lead it back.
  const bool hasNone = !remembered && (remembered.error().code == ErrorCode::NoUndoRecord ||
                                       remembered.error().code == ErrorCode::Malformed);
  if (hasNone && file) {
    auto record = elsewhere.find(**file);
    if (!record && remembered.error().code == ErrorCode::NoUndoRecord)
      return std::move(record.error()).at(path);
    if (record && *record) {
      movedFrom = std::exchange((*record)->path, path);
      const FileSource::Identity& identity = (*file)->identity();
      isCopy = identity.inode != (*record)->inode ||
               identity.modifiedNanoseconds != (*record)->modifiedNanoseconds;
      if (Status status = journal.adopt(**record); !status) return status.error();
      remembered = journal.load(path);
    }
  }
  if (!remembered) return remembered.error();
  if (!file) return notThere(file.error());
  auto state = compare(**file, *remembered);
  if (!state) return std::move(state.error()).at(path);
  const Record& record = *remembered->latest();
  auto isOriginal = holdsOriginal(**file, record);
  if (!isOriginal) return std::move(isOriginal.error()).at(path);
  if (*state == FileState::Foreign) return *isOriginal ? notChanged(path) : changed(path);
  if (*isOriginal) {
    // A crash came before the change, or after it was undone.
    Replacement::removeLeftover(*location);
    if (Status status = journal.forget(path); !status) return status.error();
    return std::optional<Restoration>();
  }
  Restoration restoration{record, {}, std::move(movedFrom), isCopy};
  WriteJob& job = restoration.job;
  job.path = job.output = path;
  job.newSize = record.originalSize;
  job.identity = (*file)->identity();
  job.purpose = WritePurpose::Restore;
  return std::optional(std::move(restoration));
}

// A file may have been changed in place because nothing else was possible: its directory may not be
// writable, or a new file could not be given its owner. It is then restored in place too.
void restoreInPlace(const std::vector<Restoration>& restorations, const std::vector<WriteJob>& jobs,
                    std::vector<Status>& written, const WriteOptions& options) {
  std::vector<WriteJob> again;
  std::vector<size_t> places;
  for (size_t at = 0; at < jobs.size(); ++at) {
    if (written[at] || written[at].error().code != ErrorCode::PermissionDenied) continue;
    if (!restorations[at].record.inPlace) continue;
    again.push_back(jobs[at]);
    again.back().mode = WriteMode::InPlace;
    places.push_back(at);
  }
  if (again.empty()) return;
  std::vector<Status> answers = writeAll(again, options);
  for (size_t at = 0; at < places.size(); ++at)
    written[places[at]] = std::move(answers[at]);
}

// `left` as above, for each of them.
std::vector<Status> restore(const std::vector<std::string>& paths,
                            const std::string& recordDirectory, const std::stop_token& stop,
                            const FileSource::Identity* left) {
  auto journal = Journal::openIfThere(recordDirectory);
  if (!journal) return {paths.size(), Status(journal.error())};
  RecordsByContent elsewhere(*journal);
  std::vector<Status> answers;
  std::vector<Restoration> restorations;
  std::vector<size_t> places;  // of the restorations among the answers
  for (const std::string& path : paths) {
    if (stop.stop_requested()) {
      answers.emplace_back(cancelled("the undoing").at(path));
      continue;
    }
    auto planned = plan(path, *journal, elsewhere, left);
    answers.push_back(planned ? Status(Done{}) : Status(planned.error()));
    if (!planned || !*planned) continue;
    places.push_back(answers.size() - 1);
    restorations.push_back(std::move(**planned));
  }
  std::vector<WriteJob> jobs;
  for (Restoration& restoration : restorations) {
    restoration.job.ranges = restoration.record.original;
    jobs.push_back(restoration.job);
  }
  const WriteOptions options{recordDirectory, Flush::Everything, nullptr, stop};
  std::vector<Status> written = writeAll(jobs, options);
  restoreInPlace(restorations, jobs, written, options);
  for (size_t at = 0; at < written.size(); ++at) {
    const auto& [record, job, movedFrom, isCopy] = restorations[at];
    if (written[at] && !movedFrom.empty()) {
      // The one record serves all copies and all names of a file: if there may be others, that of
      // the first one stays, otherwise none does.
      const bool mayHaveOthers = isCopy || journal->load(job.path);
      (void)forgetRecord(mayHaveOthers ? job.path : movedFrom, *journal,
                         mayHaveOthers ? Forget::Useless : Forget::OfMoved);
    }
    answers[places[at]] = std::move(written[at]);
  }
  return answers;
}

}  // namespace

std::vector<Status> undoAll(const std::vector<std::string>& paths,
                            const std::string& recordDirectory, const std::stop_token& stop) {
  return restore(paths, recordDirectory, stop, nullptr);
}

Status undo(const std::string& path, const std::string& recordDirectory) {
  return std::move(undoAll({path}, recordDirectory).front());
}

Status undo(const std::string& path, const std::string& recordDirectory,
            const FileSource::Identity& left) {
  return std::move(restore({path}, recordDirectory, {}, &left).front());
}

}  // namespace fixelf
