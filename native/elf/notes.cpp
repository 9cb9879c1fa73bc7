#include "elf/notes.hpp"

#include <algorithm>

namespace fixelf {

namespace {

// <elf.h> of glibc 2.36 lacks it: UAPI group specification "ELF dlopen() metadata".
constexpr uint32_t kDlopenNote = 0x407c0c0a;
constexpr uint32_t kResolutionCacheNote = 0x63a86cb6;  // nixpkgs' patch of glibc's elf/dl-load.c
constexpr uint32_t kX86Isa1Needed = 0xc0008002;        // x86-64 psABI, "Program Property"

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

void readNote(const Codec& codec, uint32_t type, std::string_view name,
              std::span<const uint8_t> description, Notes& notes) {
  if (name == "GNU") {
    if (type == NT_GNU_BUILD_ID) notes.buildId = hexadecimal(description);
    if (type == NT_GNU_ABI_TAG) readAbiTag(codec, description, notes);
    if (type == NT_GNU_PROPERTY_TYPE_0) readProperties(codec, description, notes);
  } else if (name == "FDO" && type == kDlopenNote) {
    std::string text(description.begin(), description.end());
    while (!text.empty() && text.back() == '\0')
      text.pop_back();
    notes.dlopen.push_back(std::move(text));
  } else if (name == "NixOS" && type == kResolutionCacheNote) {
    readResolutionCache(description, notes);
  }
}

}  // namespace

NoteExtent::NoteExtent(const Codec& codec, std::span<const uint8_t> bytes, uint64_t at,
                       uint64_t alignment)
    : type(codec.u32(&bytes[static_cast<size_t>(at) + 8])),
      nameAt(at + kHeaderSize),
      nameSize(codec.u32(&bytes[static_cast<size_t>(at)])),
      descriptionAt(alignUp(nameAt + nameSize, alignment)),
      descriptionSize(codec.u32(&bytes[static_cast<size_t>(at) + 4])),
      end(alignUp(descriptionAt + descriptionSize, alignment)) {}

Result<Notes> readNotes(const Source& source, const Image& image) {
  Notes notes;
  if (image.header.type == ET_CORE) return notes;  // a core file's notes are registers and maps
  uint64_t total = 0;
  for (const ProgramHeader& segment : image.programHeaders) {
    if (segment.type != PT_NOTE || segment.fileSize == 0) continue;
    total += std::min(segment.fileSize, Limits::kNotes + 1);
    if (total > Limits::kNotes) {
      return Error{ErrorCode::LimitExceeded, "the file has more than 1 MiB of notes", {}, 0};
    }
    auto bytes = source.bytes(segment.offset, segment.fileSize, Limits::kNotes);
    if (!bytes) return bytes.error();
    // Notes are padded to 4 bytes, those in a segment of alignment 8 to 8 (binutils' reading of
    // the gABI; the property note is the only such one in practice).
    const uint64_t alignment = segment.alignment == 8 ? 8 : 4;
    const std::span<const uint8_t> all(*bytes);
    uint64_t at = 0;
    while (inside(at, NoteExtent::kHeaderSize, all.size())) {
      const NoteExtent note(image.codec, all, at, alignment);
      // A damaged note is no reason to refuse the program: the loader skips it as well.
      if (!inside(note.nameAt, note.nameSize, all.size()) ||
          !inside(note.descriptionAt, note.descriptionSize, all.size())) {
        break;
      }
      std::string_view name(reinterpret_cast<const char*>(&all[0]) + note.nameAt,
                            static_cast<size_t>(note.nameSize));
      while (!name.empty() && name.back() == '\0')
        name.remove_suffix(1);
      readNote(image.codec, note.type, name,
               all.subspan(static_cast<size_t>(note.descriptionAt),
                           static_cast<size_t>(note.descriptionSize)),
               notes);
      at = note.end;
    }
  }
  return notes;
}

}  // namespace fixelf
