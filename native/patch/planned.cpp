#include "patch/planned.hpp"

#include <fcntl.h>

#include "base/descriptor.hpp"
#include "base/location.hpp"

namespace fixelf {

namespace {

class StoppableSource final : public Source {
 public:
  StoppableSource(const Source& source, const std::stop_token& stop)
      : source_(source), stop_(stop) {}
  [[nodiscard]] uint64_t size() const override { return source_.size(); }

 protected:
  Status readInside(uint64_t offset, std::span<uint8_t> out) const override {
    if (stop_.stop_requested()) return cancelled("the layout");
    return source_.read(offset, out);
  }

 private:
  const Source& source_;
  const std::stop_token& stop_;
};

// Why no layout could be made for an open file.
Error reasonOf(const FileSource& source, const std::string& path, Error error) {
  // An in-place writer holds the lock until everything is written and the file's times are
  // restored. So either the lock is still taken, or the identity has changed by now.
  if (Status status = lockFile(source.descriptor(), path); !status) return status.error();
  Status status = Done{};
  const FileSource::Identity now = FileSource::identityOf(source.descriptor(), status, path);
  if (!status) return status.error();
  if (now != source.identity()) {
    return Error{ErrorCode::Changed, "the file was changed while it was read", path, 0};
  }
  return std::move(error).at(path);
}

}  // namespace

Result<PlannedLayout> planFile(const std::string& path,
                               const std::function<Result<Layout>(const Source&)>& change,
                               const std::stop_token& stop) {
  Descriptor file = openWithoutLinks(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return systemError(errno, "open the file", path);
  auto source = FileSource::adopt(file.release(), path);
  if (!source) return source.error();
  Result<Layout> layout = change(StoppableSource(**source, stop));
  // A read that was stopped surfaces in many ways.
  if (stop.stop_requested()) return cancelled("the layout").at(path);
  if (!layout) return reasonOf(**source, path, std::move(layout.error()));
  return PlannedLayout{std::move(*layout), (*source)->identity()};
}

}  // namespace fixelf
