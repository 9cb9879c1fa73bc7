#include "elf/extent.hpp"

#include <algorithm>
#include <array>

namespace fixelf {

uint64_t structureEnd(const Image& image, const std::vector<SectionHeader>& sections,
                      uint64_t fileSize) {
  const FileHeader& header = image.header;
  uint64_t end = std::max<uint64_t>(
      image.codec.fileHeaderSize(),
      header.programHeaderOffset + image.programHeaders.size() * image.codec.programHeaderSize());
  for (const ProgramHeader& segment : image.programHeaders) {
    // PT_PHDR is the table itself, whatever size it claims: edits correct that.
    const bool occupies = segment.type != PT_NULL && segment.type != PT_PHDR;
    if (occupies && segment.fileSize > 0) end = std::max(end, segment.fileEnd());
  }
  if (sections.empty()) return end;
  end =
      std::max(end, header.sectionHeaderOffset + sections.size() * image.codec.sectionHeaderSize());
  for (const SectionHeader& section : sections) {
    const bool occupies = section.type != SHT_NOBITS && section.type != SHT_NULL;
    if (occupies && inside(section.offset, section.size, fileSize))
      end = std::max(end, section.offset + section.size);
  }
  return end;
}

namespace {

template <typename MeansNothing>
bool consistsOf(const Source& source, uint64_t offset, uint64_t end, MeansNothing meansNothing) {
  if (offset >= end) return true;
  if (end - offset > kMostPadding) return false;
  std::array<uint8_t, 16U << 10> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  // In almost anything but padding, the first bytes show that it is not.
  for (size_t most = ReadWindows::kLongest; offset < end; most = buffer.size()) {
    const auto bytes =
        std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(most, end - offset)));
    if (!source.read(offset, bytes)) return false;
    if (!std::all_of(bytes.begin(), bytes.end(), meansNothing)) return false;
    offset += bytes.size();
  }
  return true;
}

}  // namespace

bool isPadding(const Source& source, uint64_t offset, uint64_t end) {
  return consistsOf(source, offset, end, [](uint8_t byte) { return byte == 0; });
}

bool isVacated(const Source& source, uint64_t offset, uint64_t end) {
  return consistsOf(source, offset, end,
                    [](uint8_t byte) { return byte == 0 || byte == 'X' || byte == 'Z'; });
}

std::optional<Overlay> findOverlay(const Source& source, const Image& image,
                                   const std::vector<SectionHeader>& sections) {
  const uint64_t end = structureEnd(image, sections, source.size());
  if (image.header.type == ET_CORE || isPadding(source, end, source.size())) return std::nullopt;
  return Overlay{end, source.size() - end};
}

}  // namespace fixelf
