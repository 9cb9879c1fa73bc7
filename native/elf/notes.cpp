#include "elf/notes.hpp"

#include <algorithm>
#include <cstring>

namespace fixelf {

namespace {

// <elf.h> of glibc 2.36 lacks it: UAPI group specification "ELF dlopen() metadata".
constexpr uint32_t kDlopenNote = 0x407c0c0a;
constexpr uint32_t kResolutionCacheNote = 0x63a86cb6;  // nixpkgs' patch of glibc's elf/dl-load.c
constexpr uint32_t kX86Isa1Needed = 0xc0008002;        // x86-64 psABI, "Program Property"
constexpr uint32_t k1Needed = 0xb0008000;              // GNU_PROPERTY_1_NEEDED

std::string hexadecimal(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

void readAbiTag(const Codec& codec, std::span<const uint8_t> description, Notes& notes) {
  static constexpr std::array<const char*, 4> kSystems = {"linux", "hurd", "solaris", "freebsd"};
  if (description.size() < 16) return;
  const uint32_t system = codec.u32(&description[0]);
  AbiTag tag;
  tag.operatingSystem = system < kSystems.size() ? kSystems[system] : std::to_string(system);
  for (size_t part = 0; part < 3; ++part)
    tag.kernel[part] = codec.u32(&description[4 + 4 * part]);
  notes.abiTag = tag;
}

void readProperties(const Codec& codec, std::span<const uint8_t> description, Notes& notes) {
  while (description.size() >= 8) {
    const uint32_t type = codec.u32(&description[0]);
    const uint32_t size = codec.u32(&description[4]);
    if (size > description.size() - 8) return;
    if (type == kX86Isa1Needed && size >= 4) notes.x86IsaNeeded = codec.u32(&description[8]);
    if (type == k1Needed && size >= 4)
      notes.indirectExternAccess = (codec.u32(&description[8]) & 1U) != 0;
    const uint64_t step = 8 + alignUp(size, codec.wordSize());
    description =
        description.subspan(static_cast<size_t>(std::min<uint64_t>(step, description.size())));
  }
}

// Pairs of NUL-terminated texts; an empty soname ends them.
void readResolutionCache(std::span<const uint8_t> description, Notes& notes) {
  const auto next = [&] {
    const auto end = std::ranges::find(description, uint8_t{0});
    std::string text(description.begin(), end);
    description = description.subspan(std::min(text.size() + 1, description.size()));
    return text;
  };
  std::vector<CachedResolution>& cache = notes.resolutionCache.emplace();
  while (!description.empty() && description.front() != 0) {
    std::string soname = next();
    cache.push_back({std::move(soname), next()});
  }
}

// Whether anything of a note is kept.
bool isRead(const Note& note) {
  if (note.owner == "GNU") {
    return note.type == NT_GNU_BUILD_ID || note.type == NT_GNU_ABI_TAG ||
           note.type == NT_GNU_PROPERTY_TYPE_0;
  }
  return (note.owner == "FDO" && note.type == kDlopenNote) ||
         (note.owner == "NixOS" && note.type == kResolutionCacheNote);
}

void readNote(const Codec& codec, const Note& note, std::span<const uint8_t> description,
              Notes& notes) {
  if (note.owner == "GNU") {
    if (note.type == NT_GNU_BUILD_ID) notes.buildId = hexadecimal(description);
    if (note.type == NT_GNU_ABI_TAG) readAbiTag(codec, description, notes);
    if (note.type == NT_GNU_PROPERTY_TYPE_0) readProperties(codec, description, notes);
  } else if (note.owner == "FDO") {
    std::string text(description.begin(), description.end());
    while (!text.empty() && text.back() == '\0')
      text.pop_back();
    notes.dlopen.push_back(std::move(text));
  } else {
    readResolutionCache(description, notes);
  }
}

}  // namespace

bool visitNotes(const Source& source, const Codec& codec, const ProgramHeader& segment,
                uint64_t alignment, uint64_t& left, const std::function<bool(const Note&)>& visit) {
  constexpr uint64_t kHeaderSize = 12;
  constexpr uint64_t kLongestOwner = 16;
  const uint64_t size = segment.fileSize;
  // Nothing wraps: the segment's end does not, and sizes in a note have 32 bits.
  for (uint64_t at = 0; inside(at, kHeaderSize, size);) {
    std::array<uint8_t, kHeaderSize + kLongestOwner> bytes{};
    const auto head =
        std::span(bytes).first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), size - at)));
    if (left == 0 || !source.read(segment.offset + at, head)) return false;
    --left;
    const uint64_t ownerSize = codec.u32(head.data());
    const uint64_t descriptor = alignUp(at + kHeaderSize + ownerSize, alignment);
    Note note;
    note.type = codec.u32(&head[8]);
    note.offset = segment.offset + descriptor;
    note.size = codec.u32(&head[4]);
    if (!inside(at + kHeaderSize, ownerSize, size) || !inside(descriptor, note.size, size))
      return false;
    if (ownerSize <= kLongestOwner) {
      const auto* text = reinterpret_cast<const char*>(head.subspan(kHeaderSize).data());
      // Go counts its padding as part of the name: "Go\0\0".
      note.owner.assign(text, strnlen(text, static_cast<size_t>(ownerSize)));
    }
    if (!visit(note)) return false;
    at = alignUp(descriptor + note.size, alignment);
  }
  return true;
}

Result<Notes> readNotes(const Source& source, const Image& image) {
  Notes notes;
  if (image.header.type == ET_CORE) return notes;  // a core file's notes are registers and maps
  uint64_t total = 0;
  uint64_t left = Limits::kNotesLookedAt;
  Status status = Done{};
  const auto take = [&](const Note& note) {
    if (!isRead(note)) return true;
    total += note.size;
    if (total > Limits::kNotes) {
      status =
          Error{ErrorCode::LimitExceeded, "the file has more than 1 MiB of known notes", {}, 0};
      return false;
    }
    auto description = source.bytes(note.offset, note.size, Limits::kNotes);
    if (!description) {
      status = description.error();
      return false;
    }
    readNote(image.codec, note, *description, notes);
    return true;
  };
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type != PT_NOTE || segment.fileSize == 0) continue;
    if (segment.fileEnd() < segment.offset) continue;
    // Notes are padded to 4 bytes, in a segment of alignment 8 to 8 (binutils' reading of the gABI;
    // in practice only the property note).
    const uint64_t alignment = segment.alignment == 8 ? 8 : 4;
    // A damaged note is no reason to refuse the program: the loader skips it too.
    visitNotes(source, image.codec, segment, alignment, left, take);
    if (!status) return status.error();
  }
  return notes;
}

std::string readBuildId(const Source& source, const Image& image, const SectionHeader& section) {
  ProgramHeader extent;
  extent.offset = section.offset;
  extent.fileSize = section.size;
  std::string buildId;
  uint64_t left = Limits::kNotesLookedAt;
  if (!inside(section.offset, section.size, source.size())) return buildId;
  visitNotes(source, image.codec, extent, section.alignment == 8 ? 8 : 4, left,
             [&](const Note& note) {
               if (note.owner != "GNU" || note.type != NT_GNU_BUILD_ID) return true;
               Notes notes;
               if (const auto id = source.bytes(note.offset, note.size, Limits::kNotes))
                 readNote(image.codec, note, *id, notes);
               buildId = notes.buildId;
               return false;
             });
  return buildId;
}

}  // namespace fixelf
