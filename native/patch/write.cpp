#include "patch/write.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "patch/record.hpp"
#include "patch/replacement.hpp"

namespace fixelf {

namespace {

// Reading more than this back after an in-place change would cost more than the change.
constexpr uint64_t kDigestInPlace = 8U << 20;

// A job holds up to three descriptors until its batch is flushed: together they stay far below the
// 1,024 that a process may usually open.
constexpr size_t kBatch = 128;

// One job on its way through the stages of a batch.
struct Work {
  const WriteJob& job;
  std::unique_ptr<FileSource> original;
  std::vector<ByteRange> before;  // what the job's ranges hold now
  std::optional<Record> earlier;  // the record of an earlier change, if it still holds
  Record record;
  bool recorded = false;
  bool touched = false;  // the file holds new bytes: from then on the record must stay
  std::optional<Replacement> replacement;
  Descriptor writable;
  Status status = Done{};
};

// Only one component may be a symbolic link: none. The caller resolved and checked the path.
Result<std::unique_ptr<FileSource>> openOriginal(const WriteJob& job) {
  const int descriptor =
      ::open(job.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
  if (descriptor < 0) return systemError(errno, "open the file", job.path);
  auto file = FileSource::adopt(descriptor, job.path);
  if (file && ((*file)->identity().size != job.identity.size ||
               (*file)->identity().inode != job.identity.inode ||
               (*file)->identity().modifiedNanoseconds != job.identity.modifiedNanoseconds ||
               (*file)->identity().changedNanoseconds != job.identity.changedNanoseconds)) {
    return Error{ErrorCode::Changed, "the file has changed since it was read", job.path, 0};
  }
  return file;
}

Status prepareRecord(Work& work, const WriteOptions& options) {
  auto before = bytesBefore(*work.original, work.job.ranges);
  if (!before) return std::move(before.error()).at(work.job.path);
  Record& record = work.record;
  record.path = work.job.output;
  record.originalSize = work.job.oldSize;
  work.before = std::move(*before);
  record.original = work.before;
  record.fixedSize = work.job.newSize;
  record.fixed = work.job.ranges;
  record.inode = work.original->identity().inode;
  record.modifiedNanoseconds = work.original->identity().modifiedNanoseconds;
  if (options.recordDirectory.empty() || work.job.output != work.job.path) return Done{};
  // A second change leads back to the first original, if the file still is what the first left.
  auto earlier = loadRecord(options.recordDirectory, work.job.path);
  if (earlier && checkUnchanged(*work.original, *earlier)) {
    record = onTopOf(*earlier, record);
    work.earlier = std::move(*earlier);
  }
  return Done{};
}

Status prepareAtomic(Work& work) {
  auto replacement = Replacement::create(work.job.output);
  if (!replacement) return replacement.error();
  const int original = work.original->descriptor();
  if (Status status = replacement->copyFrom(original, work.job.oldSize); !status) return status;
  if (Status status = replacement->apply(work.job.ranges, work.job.newSize); !status) return status;
  // What goes elsewhere is a new file: its owner is whoever makes it, and its times are now.
  const Status kept = work.job.output == work.job.path ? replacement->copyMetadata(original)
                                                       : replacement->copyPermissions(original);
  if (!kept) return kept;
  auto digest = digestOf(replacement->descriptor(), work.job.newSize, work.job.output);
  if (!digest) return digest.error();
  work.record.digest = *digest;
  struct stat state {};
  if (fstat(replacement->descriptor(), &state) != 0) {
    return systemError(errno, "examine the new file", work.job.output);
  }
  work.record.inode = state.st_ino;
  work.replacement.emplace(std::move(*replacement));
  return Done{};
}

Status prepareInPlace(Work& work) {
  if (work.job.output != work.job.path) {
    return Error{ErrorCode::Unsupported, "a file can't be changed in place and go elsewhere",
                 work.job.path, 0};
  }
  if (work.original->identity().links > 1) {
    return Error{ErrorCode::Unsupported,
                 "the file has other hard links, which would change as well; without --in-place "
                 "they stay as they are",
                 work.job.path, 0};
  }
  work.writable = Descriptor(::open(work.job.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!work.writable) {
    Error error = systemError(errno, "write to the file", work.job.path);
    if (error.code == ErrorCode::Busy)
      error.message += "; without --in-place it can be changed while it runs";
    return error;
  }
  // The only step that can run out of space comes before the first byte is changed.
  if (work.job.newSize > work.job.oldSize &&
      posix_fallocate(work.writable.get(), static_cast<off_t>(work.job.oldSize),
                      static_cast<off_t>(work.job.newSize - work.job.oldSize)) == ENOSPC) {
    (void)!ftruncate(work.writable.get(), static_cast<off_t>(work.job.oldSize));
    return systemError(ENOSPC, "grow the file", work.job.path);
  }
  work.record.pending = true;
  return Done{};
}

Status changeInPlace(Work& work) {
  const int file = work.writable.get();
  const auto write = [&](const std::vector<ByteRange>& ranges, uint64_t size) -> Status {
    for (const ByteRange& range : ranges) {
      if (Status status = writeFully(file, range.offset, range.bytes, work.job.path); !status) {
        return status;
      }
    }
    if (ftruncate(file, static_cast<off_t>(size)) != 0) {
      return systemError(errno, "set the size of the file", work.job.path);
    }
    return Done{};
  };
  work.touched = true;
  if (Status status = write(work.job.ranges, work.job.newSize); !status) {
    work.touched = !write(work.before, work.job.oldSize);
    return status;
  }
  struct stat state {};
  const int64_t modified = work.record.modifiedNanoseconds;
  const timespec times[2] = {{0, UTIME_OMIT}, {modified / 1'000'000'000, modified % 1'000'000'000}};
  // Only the owner may set a time that is not now (utimensat(2)).
  if ((futimens(file, times) != 0 && errno != EPERM) || fstat(file, &state) != 0) {
    return systemError(errno, "keep the file's times", work.job.path);
  }
  work.record.inode = state.st_ino;
  work.record.modifiedNanoseconds =
      static_cast<int64_t>(state.st_mtim.tv_sec) * 1'000'000'000 + state.st_mtim.tv_nsec;
  work.record.pending = false;
  if (work.job.newSize <= kDigestInPlace) {
    auto digest = digestOf(file, work.job.newSize, work.job.path);
    if (!digest) return digest.error();
    work.record.digest = *digest;
  }
  return Done{};
}

// One fsync for one file, one syncfs for many on the same file system.
void flush(std::vector<Work>& works, const std::function<int(const Work&)>& descriptorOf) {
  std::map<dev_t, std::vector<Work*>> devices;
  for (Work& work : works) {
    const int descriptor = work.status ? descriptorOf(work) : -1;
    struct stat state {};
    if (descriptor < 0 || fstat(descriptor, &state) != 0) continue;
    devices[state.st_dev].push_back(&work);
  }
  for (auto& [device, group] : devices) {
    const int descriptor = descriptorOf(*group.front());
    const int result = group.size() == 1 ? fsync(descriptor) : syncfs(descriptor);
    if (result == 0) continue;
    const int number = errno;
    for (Work* work : group) {
      work->status = systemError(number, "flush the file to disk", work->job.output);
    }
  }
}

void flushDirectory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) (void)syncfs(directory.get());
}

std::vector<Status> writeBatch(std::span<const WriteJob> jobs, const WriteOptions& options) {
  std::vector<Work> works;
  works.reserve(jobs.size());
  const bool records = !options.recordDirectory.empty();
  const auto each = [&](auto&& stage) {
    for (Work& work : works) {
      if (work.status) work.status = stage(work);
    }
  };

  for (const WriteJob& job : jobs)
    works.push_back(Work{job, nullptr, {}, {}, {}, false, false, {}, {}});
  each([&](Work& work) -> Status {
    auto original = openOriginal(work.job);
    if (!original) return original.error();
    work.original = std::move(*original);
    if (Status status = prepareRecord(work, options); !status) return status;
    return work.job.mode == WriteMode::Atomic ? prepareAtomic(work) : prepareInPlace(work);
  });
  if (records) {
    each([&](Work& work) {
      work.recorded = true;
      return storeRecord(options.recordDirectory, work.record);
    });
    flushDirectory(options.recordDirectory);
  }
  flush(works,
        [](const Work& work) { return work.replacement ? work.replacement->descriptor() : -1; });

  each([&](Work& work) -> Status {
    if (!work.replacement) return changeInPlace(work);
    // Between reading and renaming somebody may have put another file here.
    auto again = work.job.output == work.job.path ? openOriginal(work.job)
                                                  : Result<std::unique_ptr<FileSource>>(nullptr);
    if (!again) return again.error();
    Status published = work.replacement->publish();
    work.touched = static_cast<bool>(published);
    return published;
  });
  flush(works, [](const Work& work) {
    return work.replacement ? work.replacement->directory() : work.writable.get();
  });
  if (records) {
    each([&](Work& work) -> Status {
      // Where this fails, the pending record stays, and undo works with that one as well.
      if (!work.replacement) (void)storeRecord(options.recordDirectory, work.record);
      return Done{};
    });
  }

  for (Work& work : works) {
    if (work.status || !work.recorded || work.touched) continue;
    // The change did not come about: what is remembered is what was remembered before.
    (void)(work.earlier ? storeRecord(options.recordDirectory, *work.earlier)
                        : removeRecord(options.recordDirectory, work.job.output));
  }
  std::vector<Status> answers;
  answers.reserve(works.size());
  for (Work& work : works) {
    if (!work.status) work.status.error().path = work.job.output;
    answers.push_back(std::move(work.status));
  }
  return answers;
}

}  // namespace

std::vector<Status> writeAll(const std::vector<WriteJob>& jobs, const WriteOptions& options) {
  std::vector<Status> answers;
  answers.reserve(jobs.size());
  for (std::span<const WriteJob> left(jobs); !left.empty();) {
    const auto batch = left.first(std::min(kBatch, left.size()));
    for (Status& answer : writeBatch(batch, options))
      answers.push_back(std::move(answer));
    left = left.subspan(batch.size());
  }
  return answers;
}

}  // namespace fixelf
