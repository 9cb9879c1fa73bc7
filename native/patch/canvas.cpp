#include "patch/canvas.hpp"

#include <algorithm>
#include <cstring>

namespace fixelf {

void Canvas::put(uint64_t offset, std::vector<uint8_t> bytes) {
  if (bytes.empty()) return;
  const uint64_t end = offset + bytes.size();
  auto run = runs_.upper_bound(offset);
  if (run != runs_.begin()) --run;
  while (run != runs_.end() && run->first < end) {
    const uint64_t start = run->first;
    std::vector<uint8_t>& old = run->second;
    const uint64_t oldEnd = start + old.size();
    if (oldEnd <= offset) {
      ++run;
      continue;
    }
    if (start <= offset && end <= oldEnd) {
      std::copy(bytes.begin(), bytes.end(), old.begin() + static_cast<ptrdiff_t>(offset - start));
      return;
    }
    if (oldEnd > end) {
      runs_.emplace(
          end, std::vector<uint8_t>(old.begin() + static_cast<ptrdiff_t>(end - start), old.end()));
    }
    if (start < offset) {
      old.resize(static_cast<size_t>(offset - start));
      ++run;
    } else {
      run = runs_.erase(run);
    }
  }
  runs_.emplace(offset, std::move(bytes));
}

void Canvas::putZeros(uint64_t offset, uint64_t size) {
  put(offset, std::vector<uint8_t>(static_cast<size_t>(size), 0));
}

Result<std::vector<ByteRange>> Canvas::differences(const Source& source) && {
  // Two changes this close are cheaper as one write than as two.
  constexpr size_t kClose = 16;
  // Compared piece by piece, so as not to hold a second copy of a large table.
  constexpr size_t kChunk = 16U << 10;
  std::vector<ByteRange> ranges;
  std::vector<uint8_t> present(kChunk);
  for (auto& run : runs_) {
    const uint64_t offset = run.first;
    std::vector<uint8_t>& bytes = run.second;
    if (offset >= source.size()) {
      ranges.push_back({offset, std::move(bytes)});
      continue;
    }
    size_t start = 0;
    size_t end = 0;  // of the range being gathered: [start, end), empty where equal
    const auto finish = [&] {
      if (end > start) {
        ranges.push_back({offset + start,
                          {bytes.begin() + static_cast<ptrdiff_t>(start),
                           bytes.begin() + static_cast<ptrdiff_t>(end)}});
      }
      start = end = 0;
    };
    for (size_t chunk = 0; chunk < bytes.size(); chunk += kChunk) {
      const size_t length = std::min(kChunk, bytes.size() - chunk);
      const uint64_t from = offset + chunk;
      const auto inFile = static_cast<size_t>(
          from >= source.size() ? 0 : std::min<uint64_t>(length, source.size() - from));
      if (inFile > 0) {
        if (Status status = source.read(from, std::span(present).first(inFile)); !status)
          return status.error();
      }
      if (std::memcmp(&bytes[chunk], present.data(), inFile) == 0 && inFile == length) continue;
      for (size_t at = 0; at < length; ++at) {
        if (at < inFile && bytes[chunk + at] == present[at]) continue;
        const size_t position = chunk + at;
        if (end > start && position - end >= kClose) finish();
        if (end == start) start = position;
        end = position + 1;
      }
    }
    // Fresh pages cost more than anything else here: what differs almost entirely is not copied.
    if (end - start > bytes.size() / 2) {
      bytes.resize(end);
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(start));
      ranges.push_back({offset + start, std::move(bytes)});
    } else {
      finish();
    }
  }
  return ranges;
}

}  // namespace fixelf
