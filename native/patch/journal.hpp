// Where records are kept, and how they come and go.
//
// All records of a batch are in one file, so that making them durable costs the same for one as for
// a thousand. Each is found by a name of its own, derived from its path: a hard link to the batch's
// file. So nothing is ever searched, rewritten or tidied up; the file goes when the last of its
// names does.
//
// A record's name shows how far the change is. "NAME+" is pending: published before the first byte
// changes. "NAME" is settled. One rename takes a record from pending to settled, replacing what an
// earlier change left, and an undo takes it back the same way before removing it. Whoever does so
// holds the lock of the file that the record is about (lockFile).
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "patch/record.hpp"

namespace fixelf {

class Journal {
 public:
  // Fails if the directory is not there or cannot be opened, and with PermissionDenied if it is not
  // one's own (base/own); records that are not one's own are not believed either.
  static Result<Journal> open(const std::string& directory);
  // The same for reading: a directory that is not there has no records.
  static Result<Journal> openIfThere(const std::string& directory);

  // Fails with NoUndoRecord if there is none, with Malformed if it is damaged, and otherwise if it
  // cannot be read or believed. The error's path is the file's, and its message names the record.
  [[nodiscard]] Result<Remembered> load(const std::string& path) const;

  struct Below {
    // Those with records, sorted; what is there now is not examined.
    std::vector<std::string> paths;
    // Records whose file cannot be determined; each error's path is the record's.
    std::vector<Error> unreadable;
  };
  // At or below a path. Fails with Cancelled if `stop` is requested meanwhile.
  [[nodiscard]] Result<Below> pathsBelow(const std::string& directory,
                                         const std::stop_token& stop = {}) const;

  // Remembers for its path a change that is complete and safely on disk.
  [[nodiscard]] Status adopt(const Record& record) const;

  // A pending change turned out to be done (or undone) before the process making it ended.
  [[nodiscard]] Status settle(const std::string& path) const;
  // From settled to pending, before undoing.
  [[nodiscard]] Status reopen(const std::string& path) const;
  [[nodiscard]] Status dropPending(const std::string& path) const;
  // Everything remembered about a path.
  [[nodiscard]] Status forget(const std::string& path) const;

  // One record on its way: published with the others of its batch.
  struct Entry {
    const Record* record = nullptr;
    std::optional<Settlement> settlement;
    Status status = Done{};
    bool published = false;
  };

  // What was published together, until it is settled.
  class Publication {
   public:
    // Makes all of it durable, names included.
    [[nodiscard]] Status flush() const;
    // Writes what is known now that the changes are over, and settles the entries that have a
    // settlement. Not flushed: without it a record counts for less, but still leads back.
    void settle(const std::vector<Entry>& entries) const;

   private:
    friend class Journal;
    const Journal* journal_ = nullptr;
    // One file for all entries, or one for each, in their order.
    std::vector<Descriptor> files_;
  };

  // Publishes the entries as pending. Not flushed. Failures are in each entry's status.
  [[nodiscard]] Publication publish(std::vector<Entry>& entries) const;

 private:
  Journal(std::string path, Descriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  [[nodiscard]] Result<std::unique_ptr<FileSource>> openRecords(const std::string& name) const;
  [[nodiscard]] Result<std::optional<Record>> read(const std::string& name,
                                                   const std::string& path) const;
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) const;
  [[nodiscard]] Status remove(const std::string& name) const;
  [[nodiscard]] Descriptor publishTogether(std::vector<Entry>& entries) const;
  [[nodiscard]] Descriptor publishAlone(Entry& entry) const;

  std::string path_;
  Descriptor directory_;
};

}  // namespace fixelf
