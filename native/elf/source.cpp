#include "elf/source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fixelf {

namespace {

Error leavesFile(uint64_t offset, uint64_t size) {
  return Error{ErrorCode::Truncated,
               "the file ends at byte " + std::to_string(size) +
                   ", but its headers point to bytes " + std::to_string(offset) + " and on",
               {},
               0};
}

constexpr size_t kWorthPopulating = 256U << 10;

// Lets the kernel provide all pages at once. A fault for each costs more than the read that fills
// it, in some virtual machines ten times as much. Kernels before 5.14 lack this advice.
void populate(uint8_t* start, size_t size) {
#ifdef MADV_POPULATE_WRITE
  constexpr uintptr_t kPage = 4096;  // if pages are larger, unaligned ranges are refused
  const auto address = reinterpret_cast<uintptr_t>(start);
  const uintptr_t from = (address + kPage - 1) / kPage * kPage;
  const uintptr_t end = (address + size) / kPage * kPage;
  if (from < end) madvise(start + (from - address), end - from, MADV_POPULATE_WRITE);
#endif
}

}  // namespace

Status Source::read(uint64_t offset, std::span<uint8_t> out) const {
  if (offset > size() || out.size() > size() - offset) return leavesFile(offset, size());
  return readInside(offset, out);
}

Result<std::vector<uint8_t>> Source::bytes(uint64_t offset, uint64_t length, uint64_t limit,
                                           size_t room) const {
  if (length > limit) {
    return Error{ErrorCode::LimitExceeded,
                 "a table of " + std::to_string(length) + " bytes is larger than the limit of " +
                     std::to_string(limit),
                 {},
                 0};
  }
  if (offset > size() || length > size() - offset) return leavesFile(offset, size());
  std::vector<uint8_t> copy;
  copy.reserve(static_cast<size_t>(length) + room);
  if (length >= kWorthPopulating) populate(copy.data(), static_cast<size_t>(length));
  copy.resize(static_cast<size_t>(length));
  Status status = read(offset, copy);
  if (!status) return status.error();
  return copy;
}

Result<std::string> Source::string(uint64_t offset, uint64_t end, uint64_t limit) const {
  std::string text;
  end = std::min(end, size());
  std::array<char, 256> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): is read into
  while (offset < end && text.size() <= limit) {
    const size_t length = static_cast<size_t>(std::min<uint64_t>(chunk.size(), end - offset));
    Status status = read(offset, {reinterpret_cast<uint8_t*>(chunk.data()), length});
    if (!status) return status.error();
    const size_t own = strnlen(chunk.data(), length);
    text.append(chunk.data(), own);
    if (own != length) return text;
    offset += length;
  }
  if (text.size() > limit) {
    return Error{ErrorCode::LimitExceeded,
                 "a name is longer than the limit of " + std::to_string(limit) + " bytes",
                 {},
                 0};
  }
  return Error{ErrorCode::Malformed, "a name is not terminated inside its string table", {}, 0};
}

void ReadWindows::restart() {
  for (const auto& window : windows_) {
    if (window) window->length = 0;
  }
  used_ = 0;
}

void ReadWindows::restart(size_t headLength) {
  restart();
  windows_[0]->offset = 0;
  windows_[0]->length = headLength;
  used_ = 1;
}

std::span<uint8_t> ReadWindows::head() {
  if (!windows_[0]) windows_[0] = std::make_unique<Window>();
  return windows_[0]->bytes;
}

bool ReadWindows::copy(uint64_t offset, std::span<uint8_t> out) const {
  for (size_t index = 0; index < used_; ++index) {
    const Window& window = *windows_[index];
    if (offset >= window.offset && offset - window.offset < window.length &&
        out.size() <= window.length - (offset - window.offset)) {
      std::memcpy(out.data(), window.bytes.data() + (offset - window.offset), out.size());
      return true;
    }
  }
  return false;
}

ReadWindows::Window& ReadWindows::victim() {
  size_t index = used_;
  if (used_ < kWindows) {
    ++used_;
  } else {
    // The first window holds the ELF and program headers, which are read again and again.
    next_ = next_ % (kWindows - 1) + 1;
    index = next_;
  }
  if (!windows_[index]) windows_[index] = std::make_unique<Window>();
  windows_[index]->length = 0;
  return *windows_[index];
}

Error notRegular(mode_t mode, const std::string& path) {
  return Error{ErrorCode::NotRegular,
               S_ISDIR(mode) ? "this is a directory, not a file" : "this is not a regular file",
               path, 0};
}

Error cannotOpen(int number, const std::string& path) {
  // A socket, or a device without a driver (open(2)).
  if (number == ENXIO || number == ENODEV) return notRegular(0, path);
  return systemError(number, "open the file", path);
}

FileSource::Identity FileSource::identityOf(int descriptor, Status& status,
                                            const std::string& path) {
  struct stat status_buffer {};
  if (fstat(descriptor, &status_buffer) != 0) {
    status = systemError(errno, "examine the file", path);
    return {};
  }
  if (!S_ISREG(status_buffer.st_mode)) {
    status = notRegular(status_buffer.st_mode, path);
    return {};
  }
  return {status_buffer.st_dev,
          status_buffer.st_ino,
          static_cast<uint64_t>(status_buffer.st_size),
          nanoseconds(status_buffer.st_mtim),
          nanoseconds(status_buffer.st_ctim),
          status_buffer.st_mode,
          status_buffer.st_nlink};
}

bool FileSource::Identity::hasContentOf(const Identity& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         modifiedNanoseconds == other.modifiedNanoseconds &&
         changedNanoseconds == other.changedNanoseconds;
}

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO without a writer would otherwise block forever.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return cannotOpen(errno, path);
  return adopt(descriptor, path);
}

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path,
                                                     ReadWindows& windows) {
  windows.restart();
  auto source = open(path);
  if (source) (*source)->windows_ = &windows;
  return source;
}

Result<std::unique_ptr<FileSource>> FileSource::adopt(int descriptor, const std::string& path) {
  Status status = Done{};
  const Identity identity = identityOf(descriptor, status, path);
  if (!status) {
    ::close(descriptor);
    return status.error();
  }
  return std::unique_ptr<FileSource>(new FileSource(descriptor, path, identity));
}

Result<std::unique_ptr<FileSource>> FileSource::borrow(int descriptor, const std::string& path,
                                                       ReadWindows& windows) {
  Status status = Done{};
  const Identity identity = identityOf(descriptor, status, path);
  if (!status) return status.error();
  std::unique_ptr<FileSource> source(new FileSource(descriptor, path, identity));
  source->closes_ = false;
  source->windows_ = &windows;
  return source;
}

FileSource::~FileSource() {
  if (closes_) ::close(descriptor_);
}

Status FileSource::readFully(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      return systemError(errno, "read the file", path_);
    }
    if (count == 0) {
      return Error{ErrorCode::Changed, "the file was truncated while it was read", path_, 0};
    }
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return Done{};
}

Status FileSource::readInside(uint64_t offset, std::span<uint8_t> out) const {
  if (out.empty() || windows_->copy(offset, out)) return Done{};
  if (out.size() > ReadWindows::kLongest) return readFully(offset, out);
  ReadWindows::Window& window = windows_->victim();
  const size_t length = static_cast<size_t>(std::min<uint64_t>(ReadWindows::kSize, size()));
  // Linkers write section headers last, right behind the section names.
  const uint64_t start = std::min(offset, size() - length);
  Status status = readFully(start, std::span(window.bytes).first(length));
  if (!status) return status;
  window.offset = start;
  window.length = length;
  std::memcpy(out.data(), window.bytes.data() + (offset - start), out.size());
  return Done{};
}

Status MemorySource::readInside(uint64_t offset, std::span<uint8_t> out) const {
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return Done{};
}

Status PatchedSource::readInside(uint64_t offset, std::span<uint8_t> out) const {
  const auto fromBase = static_cast<size_t>(
      offset < base_.size() ? std::min<uint64_t>(out.size(), base_.size() - offset) : 0);
  if (fromBase != 0) {
    if (Status status = base_.read(offset, out.first(fromBase)); !status) return status;
  }
  const auto behind = out.subspan(fromBase);
  std::fill(behind.begin(), behind.end(), uint8_t{0});
  const uint64_t end = offset + out.size();
  for (const ByteRange& range : ranges_) {
    const uint64_t from = std::max(offset, range.offset);
    const uint64_t to = std::min(end, range.end());
    if (from < to) {
      std::memcpy(out.data() + (from - offset), range.bytes.data() + (from - range.offset),
                  static_cast<size_t>(to - from));
    }
  }
  return Done{};
}

}  // namespace fixelf
