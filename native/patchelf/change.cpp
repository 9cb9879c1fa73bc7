#include "patchelf/change.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <iterator>

#include "base/descriptor.hpp"
#include "base/location.hpp"
#include "patchelf/failure.hpp"
#include "patchelf/parts.hpp"

namespace fixelf::patchelf {

namespace {

// Fails as open(2) would.
Status demandWritable(const std::string& path) {
  if (access(path.c_str(), W_OK) != 0) return systemFailure(errno, "open");
  return Done{};
}

// A change in progress.
class Change {
 public:
  Change(const std::string& file, const EditRequest& request, Flush flush,
         const std::stop_token& stop)
      : file_(file), request_(request), flush_(flush), stop_(stop) {}

  Result<Outcome> intoFile() {
    if (Status status = demandWritable(file_); !status) return status.error();
    if (Status status = plan(); !status) return status.error();
    Status status = write(host_, WriteMode::Atomic);
    // Nothing may be created beside it, or its owner may not be kept; but it may be written to.
    if (!status && status.error().code == ErrorCode::PermissionDenied)
      status = write(host_, WriteMode::InPlace);
    if (!status) return status.error();
    if (!edit_->planned.layout.empty()) {
      if (status = touch(); !status) return status.error();
    }
    return outcome();
  }

  Result<Outcome> into(const std::string& output) {
    const auto target = realTarget(output);
    if (!target && target.error().systemError == 0) return target.error();
    if (!target) return systemFailure(target.error().systemError, "open");
    struct stat present {};
    const bool isPresent = stat(target->c_str(), &present) == 0;
    if (!isPresent && errno != ENOENT) return systemFailure(errno, "open");
    if (isPresent) {
      if (Status status = demandWritable(*target); !status) return status.error();
    }
    if (Status status = plan(); !status) return status.error();
    // A device, perhaps.
    const bool isStream = isPresent && (!S_ISREG(present.st_mode) || isOpenAlready(*target));
    Status status = isStream ? copyInto(*target) : replace(*target, isPresent ? &present : nullptr);
    if (!status) return status.error();
    return outcome();
  }

 private:
  Status plan() {
    auto host = realPath(file_);
    if (!host) return std::move(host.error()).at(file_);
    host_ = std::move(*host);
    auto edit = planEdit(host_, request_, stop_);
    if (!edit) return edit.error();
    edit_.emplace(std::move(*edit));
    return Done{};
  }

  // Nix builders have no home directory, and a caller of patchelf expects no traces there: no
  // record is kept.
  [[nodiscard]] Status write(const std::string& output, WriteMode mode) const {
    return writeEdit(host_, *edit_, {output, mode, {}, flush_}, stop_);
  }

  // To `make` and to backups, what was just written is new; the engine keeps the times.
  [[nodiscard]] Status touch() const {
    const auto location = Location::of(host_);
    if (!location) return location.error();
    const std::array<timespec, 2> times{{{0, UTIME_OMIT}, {0, UTIME_NOW}}};
    if (utimensat(location->directory(), location->name().c_str(), times.data(),
                  AT_SYMLINK_NOFOLLOW) == 0)
      return Done{};
    // Only the owner may; for other users the engine could not keep the time either.
    if (errno == EPERM) return Done{};
    return systemError(errno, "set the time of the file", host_);
  }

  // If nothing is there yet, the kernel decides what mode a new file gets (umask, default ACLs).
  [[nodiscard]] Status replace(const std::string& target, const struct stat* present) const {
    const auto location = Location::of(target);
    if (!location) return location.error();
    struct stat state {};
    if (present == nullptr) {
      const Descriptor made(uninterrupted([&] {
        return openat(location->directory(), location->name().c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0777);
      }));
      if (!made) return systemFailure(errno, "open");
      if (fstat(made.get(), &state) != 0) return systemFailure(errno, "open");
    }
    Status status = replaceWith(*location, present == nullptr ? state.st_mode : present->st_mode);
    if (!status && present == nullptr) unlinkat(location->directory(), location->name().c_str(), 0);
    return status;
  }

  [[nodiscard]] Status replaceWith(const Location& location, mode_t mode) const {
    const std::string& target = location.path();
    Status status = write(target, WriteMode::Atomic);
    if (!status && status.error().code == ErrorCode::PermissionDenied) return copyInto(target);
    if (!status) return status;
    const Descriptor written = location.open(O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!written || fchmod(written.get(), mode & 07777U) != 0)
      return systemError(errno, "set the mode of the file", target);
    return Done{};
  }

  // Writes the result into what is there.
  [[nodiscard]] Status copyInto(const std::string& target) const {
    Descriptor input = openWithoutLinks(host_, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!input) return systemError(errno, "open the file", host_);
    const auto source = FileSource::adopt(input.release(), host_);
    if (!source) return source.error();
    const PlannedLayout& planned = edit_->planned;
    if (!(*source)->identity().hasContentOf(planned.identity))
      return Error{ErrorCode::Changed, "the file has changed since it was read", host_, 0};
    constexpr int kFlags = O_WRONLY | O_TRUNC | O_NOCTTY;
    const Descriptor output =
        isOpenAlready(target)
            ? Descriptor(uninterrupted([&] { return open(target.c_str(), kFlags | O_CLOEXEC); }))
            : openWithoutLinks(target, kFlags);
    if (!output) return systemFailure(errno, "open");
    const PatchedSource result(**source, planned.layout.ranges, planned.layout.newSize);
    Status written = Done{};
    const Status read = result.visit(0, result.size(), 1, [&](const auto& bytes, uint64_t) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (written && !writeStream(output.get(), text)) written = systemFailure(errno, "write");
    });
    return read ? written : read;
  }

  [[nodiscard]] Outcome outcome() const {
    const Layout& layout = edit_->planned.layout;
    return {!layout.empty(), layout.reasons, edit_->noCache,
            layout.oldSize,  layout.newSize, layout.warning};
  }

  const std::string& file_;
  const EditRequest& request_;
  const Flush flush_;
  const std::stop_token& stop_;
  std::string host_;  // the file's path without links
  std::optional<PlannedEdit> edit_;
};

bool isSame(const std::string& one, const std::string& other) {
  struct stat first {};
  struct stat second {};
  return stat(one.c_str(), &first) == 0 && stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

Result<Outcome> change(const std::string& file, const Facts& facts, const Changes& changes,
                       const Destination& destination, const std::stop_token& stop) {
  const std::string& output = destination.output;
  std::vector<std::string> passedOver;
  const auto request = requestFor(changes, facts, passedOver);
  if (!request) return request.error();
  const bool isElsewhere = !output.empty() && !isSame(output, file);
  if (!*request && !isElsewhere)
    return Outcome{false,      std::move(passedOver), std::nullopt, facts.size,
                   facts.size, std::nullopt};
  EditRequest asked = request->value_or(EditRequest{});
  asked.edits.repeatPayload = true;
  Change change(file, asked, destination.flush, stop);
  auto outcome = isElsewhere ? change.into(output) : change.intoFile();
  if (outcome) {
    outcome->reasons.insert(outcome->reasons.begin(), std::make_move_iterator(passedOver.begin()),
                            std::make_move_iterator(passedOver.end()));
  }
  return outcome;
}

Result<PlannedEdit> plan(const std::string& path, const Changes& changes,
                         const std::stop_token& stop) {
  if (Status status = check(changes); !status) return status.error();
  const auto facts = readElf(path);
  if (!facts) return facts.error();
  std::vector<std::string> passedOver;
  const auto request = requestFor(changes, *facts, passedOver);
  if (!request) return request.error();
  return planEdit(path, request->value_or(EditRequest{}), stop);
}

}  // namespace fixelf::patchelf
