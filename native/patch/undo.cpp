#include "patch/undo.hpp"

#include "patch/record.hpp"
#include "patch/write.hpp"

namespace fixelf {

Status undo(const std::string& path, const std::string& recordDirectory) {
  auto record = loadRecord(recordDirectory, path);
  if (!record) return record.error();
  auto file = FileSource::open(path);
  if (!file) return file.error();
  if (Status status = checkUnchanged(**file, *record); !status) return status;

  WriteJob job;
  job.path = job.output = path;
  job.ranges = record->original;
  job.oldSize = (*file)->size();
  job.newSize = record->originalSize;
  job.identity = (*file)->identity();
  std::vector<Status> answers = writeAll({job}, {});
  if (!answers.front()) return answers.front();
  return removeRecord(recordDirectory, path);
}

}  // namespace fixelf
