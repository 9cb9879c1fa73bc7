// Putting a layout on disk without a moment in which the file could be lost.
//
// Atomic: the new file is made beside the old one as an unnamed copy (a reflink where the file
// system can, else copied and changed in one pass), given the old one's owner, mode, extended
// attributes and times, flushed, and renamed over it. In place: only the changed bytes are written,
// after a record of the old ones is safe on disk, so that whatever a crash leaves can be mended
// (patch/undo).
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/location.hpp"
#include "patch/edits.hpp"

namespace fixelf {

enum class WriteMode { Atomic, InPlace };

enum class WritePurpose {
  Change,  // a record is kept of what was replaced
  // What the record holds is written. The record is then forgotten, unless the file still exists
  // under other names, which it leads back as well.
  Restore,
};

// What is certain to be on disk when a job is done.
enum class Flush {
  Everything,  // the new content and its name
  Content,  // the new content, before it gets the name: a power failure leaves the old file or the
            // new one, and one that comes soon afterwards may leave the old one
  Nothing,  // a power failure may leave a file that is neither; the end of the process does not
};

struct WriteJob {
  std::string path;                   // the file as it is now; no component is a symbolic link
  std::string output;                 // where the result goes: `path`, or another file with Atomic
  std::span<const ByteRange> ranges;  // owned by the caller until the job is done
  uint64_t newSize = 0;
  FileSource::Identity identity;  // the content that the ranges were planned for
  WriteMode mode = WriteMode::Atomic;
  WritePurpose purpose = WritePurpose::Change;
};

struct WriteOptions {
  std::string recordDirectory;  // where undo records are kept; empty keeps none
  // If records are kept, everything is flushed: they describe what is under the name.
  Flush flush = Flush::Everything;
  // Gets for each job what it has left under the name, or nothing if it has failed. This
  // distinguishes one's own writing from another process's right afterwards.
  std::vector<std::optional<FileSource::Identity>>* left = nullptr;
  // If it is requested, jobs for which nothing has been written yet fail with Cancelled; those that
  // have begun are completed.
  // NOLINTNEXTLINE(readability-redundant-member-init): GCC warns of initializers that leave it out.
  std::stop_token stop{};
};

// Writes all jobs, in batches, and flushes once for all of a batch on one file system. The answers
// are in the jobs' order; a job that fails leaves its own file as it was, and does not affect the
// others. Each file is locked while it is worked on: of two processes one gets Busy or Changed.
std::vector<Status> writeAll(const std::vector<WriteJob>& jobs, const WriteOptions& options);

// Opens a file that is to be changed (for writing with InPlace), and holds its lock as long as the
// answer lives. Fails with Busy if it is being executed and would have to be written to, and with
// Changed if a symbolic link is in its place.
Result<std::unique_ptr<FileSource>> openLocked(const Location& location, WriteMode mode);

}  // namespace fixelf
