#include "patch/write.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <thread>

#include "base/parallel.hpp"
#include "patch/content.hpp"
#include "patch/digest.hpp"
#include "patch/in_place.hpp"
#include "patch/journal.hpp"
#include "patch/replacement.hpp"

namespace fixelf {

namespace {

// A file whose bytes need not be copied is still read for its digest, up to this size.
constexpr uint64_t kMostToReadAgain = 8U << 20;

// Limits of a batch: descriptors (three a job) below the process's limit, and room on the disk for
// the copies of all its files at once. A large batch does more than save flushes: ext4 looks for
// free inodes among those just freed, which each rename adds to.
constexpr uint64_t kMostJobs = 4096;
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

size_t jobsAtOnce() {
  constexpr uint64_t kForOthers = 256;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  const uint64_t free = limit.rlim_cur > kForOthers ? limit.rlim_cur - kForOthers : 0;
  return static_cast<size_t>(std::clamp<uint64_t>(free / 3, 1, kMostJobs));
}

// A job on its way through the stages of a batch.
struct Work {
  explicit Work(const WriteJob& asked) : job(asked) {}

  const WriteJob& job;
  std::unique_ptr<FileSource> original;
  std::optional<Record> record;  // with WritePurpose::Change, if one is kept
  std::optional<Replacement> replacement;
  std::optional<InPlace> inPlace;
  bool reopened = false;  // the record is pending again, for WritePurpose::Restore
  bool changed = false;   // the file is the new one, or may be half of it
  std::optional<uint64_t> digest;
  Status status = Done{};

  [[nodiscard]] int newDescriptor() const {
    return replacement ? replacement->descriptor() : inPlace ? inPlace->descriptor() : -1;
  }
  void fail(Status failure) {
    if (status) status = std::move(failure);
  }
};

using Inode = std::pair<uint64_t, uint64_t>;  // device, number
// When files changed last, in nanoseconds, of which we have replaced one of several names (hard
// links): that alone changes the time.
using Renamed = std::map<Inode, int64_t>;

class Batch {
 public:
  Batch(std::span<const WriteJob> jobs, const Journal* journal, Flush flush, Renamed& renamed)
      : journal_(journal),
        flush_(journal != nullptr ? Flush::Everything : flush),
        renamed_(renamed) {
    works_.reserve(jobs.size());
    for (const WriteJob& job : jobs)
      works_.emplace_back(job);
  }

  // `left` and `stop` as in WriteOptions.
  std::vector<Status> run(std::vector<std::optional<FileSource::Identity>>* left,
                          const std::stop_token& stop) {
    const auto demandGoing = [&](Work& work) {
      if (stop.stop_requested()) work.fail(cancelled("the change"));
    };
    // The names of one file one after the other: the first that opens it locks it for all.
    const std::vector<std::vector<Work*>> files = byFile();
    inParallel(files.size(), [&](size_t at) {
      bool isLocked = false;
      for (Work* work : files[at]) {
        demandGoing(*work);
        if (work->status) work->fail(prepare(*work, isLocked));
        isLocked = isLocked || (replacesItself(*work) && work->original);
      }
    });
    std::ranges::for_each(works_, demandGoing);
    remember();
    flushContents();
    for (Work& work : works_) {
      if (work.status) work.fail(publish(work));
    }
    flushChanges();
    settle();
    std::vector<Status> answers;
    for (Work& work : works_) {
      if (left != nullptr) left->push_back(identityOf(work));
      if (!work.status) work.status.error().path = work.job.output;
      answers.push_back(std::move(work.status));
    }
    return answers;
  }

 private:
  static bool replacesItself(const Work& work) { return work.job.output == work.job.path; }

  [[nodiscard]] bool isRecorded(const Work& work) const {
    return journal_ != nullptr && replacesItself(work);
  }

  static Inode inodeOf(const WriteJob& job) { return {job.identity.device, job.identity.inode}; }

  std::vector<std::vector<Work*>> byFile() {
    std::vector<std::vector<Work*>> files;
    std::map<Inode, size_t> places;
    for (Work& work : works_) {
      const auto [place, isNew] = places.try_emplace(inodeOf(work.job), files.size());
      if (isNew) files.emplace_back();
      files[place->second].push_back(&work);
    }
    return files;
  }

  // What the file has to be still.
  [[nodiscard]] FileSource::Identity expected(const WriteJob& job) const {
    FileSource::Identity identity = job.identity;
    const auto renamed = renamed_.find(inodeOf(job));
    if (renamed != renamed_.end()) identity.changedNanoseconds = renamed->second;
    return identity;
  }

  // Everything that can fail without a trace. `isLocked`: we hold the file's lock already.
  Status prepare(Work& work, bool isLocked) const {
    const WriteJob& job = work.job;
    const bool isElsewhere = !replacesItself(work);
    if (isElsewhere && job.mode == WriteMode::InPlace) {
      return Error{ErrorCode::Unsupported, "a file can't be changed in place and go elsewhere",
                   job.path, 0};
    }
    auto location = Location::of(job.path);
    if (!location) return location.error();
    auto original =
        isElsewhere || isLocked ? openToRead(*location) : openLocked(*location, job.mode);
    if (!original) {
      const char* advice = "; without --in-place it can be changed while it runs";
      return original.error().systemError == ETXTBSY ? advised(work, original.error(), advice)
                                                     : original.error();
    }
    if (!(*original)->identity().hasContentOf(expected(job))) return changedMeanwhile(job);
    work.original = std::move(*original);
    if (isRecorded(work) && job.purpose == WritePurpose::Change) {
      if (Status status = prepareRecord(work); !status) return status;
    }
    if (job.mode == WriteMode::Atomic) {
      auto target = isElsewhere ? Location::of(job.output) : std::move(location);
      return target ? prepareReplacement(work, std::move(*target)) : Status(target.error());
    }
    auto change = InPlace::prepare(*work.original, job.path, job.ranges, job.newSize);
    if (!change) return change.error();
    work.inPlace.emplace(std::move(*change));
    return Done{};
  }

  // An undo has no --in-place; it chooses by itself.
  static Error advised(const Work& work, Error error, const char* advice) {
    if (work.job.purpose == WritePurpose::Change) error.message += advice;
    return error;
  }

  static Result<std::unique_ptr<FileSource>> openToRead(const Location& location) {
    Descriptor file = location.open(O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return systemError(errno, "open the file", location.path());
    return FileSource::adopt(file.release(), location.path());
  }

  static Error changedMeanwhile(const WriteJob& job) {
    return Error{ErrorCode::Changed, "the file has changed since it was read", job.path, 0};
  }

  Status prepareRecord(Work& work) const {
    const std::string& path = work.job.path;
    auto remembered = journal_->load(path);
    // Nothing can be restored from a damaged one, before or after the change.
    if (!remembered && remembered.error().code != ErrorCode::NoUndoRecord &&
        remembered.error().code != ErrorCode::Malformed) {
      return remembered.error();
    }
    const Record* earlier = nullptr;
    FileState state = FileState::Foreign;
    if (remembered) {
      auto compared = compare(*work.original, *remembered);
      if (!compared) return std::move(compared.error()).at(path);
      state = *compared;
    }
    Status tidied = Done{};
    switch (state) {
      case FileState::After:
        // A second change leads back to the first original.
        earlier = remembered->latest();
        if (remembered->pending) tidied = journal_->settle(path);
        break;
      case FileState::Before:
        if (remembered->settled) earlier = &*remembered->settled;
        tidied = journal_->dropPending(path);
        break;
      case FileState::Foreign:
        // It no longer leads anywhere, or never did.
        tidied = journal_->forget(path);
        break;
      case FileState::Mixture:
        return Error{ErrorCode::Changed,
                     "an earlier change in place was interrupted: take it back first, with "
                     "fixelf undo",
                     path, 0};
    }
    if (!tidied) return tidied;
    auto record = recordOf(*work.original, work.job.ranges, work.job.newSize, earlier);
    if (!record) return std::move(record.error()).at(path);
    record->path = path;
    record->inode = work.original->identity().inode;
    record->modifiedNanoseconds = work.original->identity().modifiedNanoseconds;
    record->inPlace = work.job.mode == WriteMode::InPlace;
    work.record = std::move(*record);
    return Done{};
  }

  static Status prepareReplacement(Work& work, Location target) {
    auto replacement = Replacement::create(std::move(target));
    if (!replacement) return replacement.error();
    auto digest = writeContent(replacement->descriptor(), *work.original, work.job.ranges,
                               work.job.newSize, work.record.has_value(), work.job.output);
    if (!digest) return digest.error();
    work.digest = *digest;
    // A file that goes elsewhere is new: its owner is whoever makes it, and its times are now.
    const int original = work.original->descriptor();
    const bool replaces = replacesItself(work);
    if (replaces) {
      Status owner = replacement->copyOwner(original);
      // In place, only the owner can keep these bits.
      const bool setsIds = (work.original->identity().mode & (S_ISUID | S_ISGID)) != 0;
      if (!owner) return setsIds ? owner : advised(work, owner.error(), ", or use --in-place");
    }
    Status status =
        replaces ? replacement->copyMetadata(original) : replacement->copyPermissions(original);
    if (!status) return status;
    struct stat state {};
    if (fstat(replacement->descriptor(), &state) != 0) {
      return systemError(errno, "examine the new file", work.job.output);
    }
    if (work.record) work.record->inode = state.st_ino;
    work.replacement.emplace(std::move(*replacement));
    return Done{};
  }

  // From here on whoever finds a file changed also finds how to undo that.
  void remember() {
    if (journal_ == nullptr) return;
    for (Work& work : works_) {
      if (!work.status || !isRecorded(work)) continue;
      if (work.record) {
        entries_.push_back({&*work.record, std::nullopt, Done{}, false});
        recorded_.push_back(&work);
      } else if (work.job.purpose == WritePurpose::Restore) {
        work.fail(journal_->reopen(work.job.path));
        work.reopened = static_cast<bool>(work.status);
      }
    }
    publication_ = journal_->publish(entries_);
    Status safe = publication_.flush();
    for (size_t at = 0; at < entries_.size(); ++at) {
      recorded_[at]->fail(entries_[at].status);
      if (!safe) recorded_[at]->fail(safe.error());
    }
    for (Work& work : works_) {
      if (!safe && work.reopened) work.fail(safe.error());
    }
  }

  void flushContents() {
    if (flush_ == Flush::Nothing) return;
    flush([](const Work& work) { return work.replacement ? work.replacement->descriptor() : -1; });
  }

  // Reading small files for their digests costs no time while waiting for the disk.
  void flushChanges() {
    std::vector<Work*> undigested;
    for (Work& work : works_) {
      if (work.status && work.record && !work.digest && work.job.newSize <= kMostToReadAgain) {
        undigested.push_back(&work);
      }
    }
    // A digest is not required, only useful.
    const auto read = [&] {
      try {
        inParallel(undigested.size(), [&](size_t at) {
          Work& work = *undigested[at];
          auto digest = digestOf(work.newDescriptor(), work.job.newSize, work.job.output);
          if (digest) work.digest = *digest;
        });
      } catch (const std::bad_alloc&) {
      }
    };
    std::jthread reader;  // joined at the end
    if (!undigested.empty()) {
      try {
        reader = std::jthread(read);
      } catch (const std::system_error&) {
      }
    }
    if (flush_ == Flush::Nothing) return;
    const bool withNames = flush_ == Flush::Everything;
    flush([&](const Work& work) {
      if (!work.replacement) return work.newDescriptor();
      return withNames ? work.replacement->target().directory() : -1;
    });
  }

  // If a file system has few of the inodes, each is flushed; if many, all that the file system has
  // to write.
  template <typename DescriptorOf>
  void flush(const DescriptorOf& descriptorOf) {
    std::map<dev_t, std::map<Inode, std::vector<Work*>>> devices;
    for (Work& work : works_) {
      const int descriptor = work.status ? descriptorOf(work) : -1;
      struct stat state {};
      if (descriptor < 0 || fstat(descriptor, &state) != 0) continue;
      devices[state.st_dev][{state.st_dev, state.st_ino}].push_back(&work);
    }
    constexpr size_t kFew = 4;
    for (auto& [device, inodes] : devices) {
      const bool together = inodes.size() > kFew;
      Status status = Done{};
      bool first = true;
      for (auto& [inode, group] : inodes) {
        const int descriptor = descriptorOf(*group.front());
        if (!together) {
          status = flushFile(descriptor, group.front()->job.output);
        } else if (std::exchange(first, false) &&
                   uninterrupted([&] { return syncfs(descriptor); }) != 0) {
          status = systemError(errno, "flush the files to disk", group.front()->job.output);
        }
        for (Work* work : group)
          work->fail(status);
      }
    }
  }

  Status publish(Work& work) {
    if (work.inPlace) {
      work.changed = true;
      return work.inPlace->write();
    }
    Status status = replacesItself(work) ? replaceOriginal(work) : work.replacement->publish();
    work.changed = static_cast<bool>(status);
    if (work.changed && hasOtherNames(work)) noteRenamed(work);
    return status;
  }

  // If it was written to meanwhile, its other names are refused.
  void noteRenamed(const Work& work) {
    Status status = Done{};
    const auto now = FileSource::identityOf(work.original->descriptor(), status, work.job.path);
    FileSource::Identity wanted = work.job.identity;
    wanted.changedNanoseconds = now.changedNanoseconds;
    if (status && now.hasContentOf(wanted)) renamed_[inodeOf(work.job)] = now.changedNanoseconds;
  }

  // Another process may meanwhile have put another file here, or written into this one.
  Status replaceOriginal(Work& work) const {
    const WriteJob& job = work.job;
    struct stat state {};
    const Location& target = work.replacement->target();
    if (fstatat(target.directory(), target.name().c_str(), &state, AT_SYMLINK_NOFOLLOW) != 0) {
      return systemError(errno, "examine the file", job.path);
    }
    Status status = Done{};
    const FileSource::Identity now =
        FileSource::identityOf(work.original->descriptor(), status, job.path);
    if (!status) return status;
    if (state.st_dev != now.device || state.st_ino != now.inode ||
        !now.hasContentOf(expected(job))) {
      return changedMeanwhile(job);
    }
    return work.replacement->publishInsteadOf(work.original->descriptor(), state);
  }

  static std::optional<FileSource::Identity> identityOf(const Work& work) {
    if (!work.status || !work.changed) return std::nullopt;
    Status status = Done{};
    auto identity = FileSource::identityOf(work.newDescriptor(), status, work.job.output);
    // Whoever has already written into the new file has changed its size or time. In place, a
    // non-owner could not keep the time.
    const bool isOurs =
        status && identity.size == work.job.newSize &&
        (work.inPlace || identity.modifiedNanoseconds == work.job.identity.modifiedNanoseconds);
    return isOurs ? std::optional(identity) : std::nullopt;
  }

  void settle() {
    for (Work& work : works_) {
      if (!work.status && work.changed && work.inPlace && work.inPlace->rollBack()) {
        work.changed = false;
      }
    }
    for (size_t at = 0; at < entries_.size(); ++at) {
      Work& work = *recorded_[at];
      struct stat state {};
      // After a failure a half-changed file stays pending; a replaced one is whole.
      const bool isWhole = work.changed && (work.status || work.replacement);
      if (isWhole && fstat(work.newDescriptor(), &state) == 0) {
        entries_[at].settlement = Settlement{FileSource::nanoseconds(state.st_ctim), work.digest};
      } else if (!work.changed && entries_[at].published) {
        (void)journal_->dropPending(work.job.path);
      }
    }
    publication_.settle(entries_);
    for (Work& work : works_) {
      if (!work.reopened) continue;
      const bool isRestored = work.changed && work.status;
      const bool isKept = !work.changed || (isRestored && hasOtherNames(work));
      // If this fails, the file is still restored: asking again says so.
      (void)(isKept       ? journal_->settle(work.job.path)
             : isRestored ? journal_->forget(work.job.path)
                          : Status(Done{}));
    }
  }

  // Whether the replaced file still exists under other names (hard links). Both numbers are
  // checked, as NFS keeps a name of its own for an open file that was removed.
  static bool hasOtherNames(const Work& work) {
    struct stat state {};
    return work.replacement && work.original->identity().links > 1 &&
           fstat(work.original->descriptor(), &state) == 0 && state.st_nlink > 0;
  }

  const Journal* journal_;
  Flush flush_;
  Renamed& renamed_;
  std::vector<Work> works_;
  std::vector<Journal::Entry> entries_;
  std::vector<Work*> recorded_;  // the jobs that the entries are about
  Journal::Publication publication_;
};

}  // namespace

Result<std::unique_ptr<FileSource>> openLocked(const Location& location, WriteMode mode) {
  const std::string& path = location.path();
  const bool writes = mode == WriteMode::InPlace;
  Descriptor file = location.open((writes ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
  if (!file && errno == ELOOP) {
    return Error{ErrorCode::Changed, "it has been replaced by a symbolic link", path, errno};
  }
  if (!file) return systemError(errno, writes ? "write to the file" : "open the file", path);
  if (Status status = lockFile(file.get(), path); !status) return status.error();
  return FileSource::adopt(file.release(), path);
}

std::vector<Status> writeAll(const std::vector<WriteJob>& jobs, const WriteOptions& options) {
  std::optional<Journal> journal;
  if (!options.recordDirectory.empty()) {
    auto opened = Journal::open(options.recordDirectory);
    if (!opened) return {jobs.size(), Status(opened.error())};
    journal.emplace(std::move(*opened));
  }
  const size_t most = jobsAtOnce();
  Renamed renamed;
  std::vector<Status> answers;
  answers.reserve(jobs.size());
  for (std::span<const WriteJob> left(jobs); !left.empty();) {
    size_t count = 0;
    uint64_t bytes = 0;
    while (count < std::min(most, left.size()) && (count == 0 || bytes < kMostBytes)) {
      bytes += left[count++].newSize;
    }
    Batch batch(left.first(count), journal ? &*journal : nullptr, options.flush, renamed);
    for (Status& answer : batch.run(options.left, options.stop))
      answers.push_back(std::move(answer));
    left = left.subspan(count);
  }
  return answers;
}

}  // namespace fixelf
