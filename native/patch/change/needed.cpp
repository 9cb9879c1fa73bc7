// DT_NEEDED, and the records of which versions are needed of each library.
//
// Both name the library. The loader looks up each record's library among those that are loaded, and
// ends the process if it finds none (glibc elf/dl-version.c, _dl_check_map_versions, asserts it).
// So renaming or removing a needed library means renaming or removing its record as well.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>

#include "elf/versions.hpp"
#include "patch/changes.hpp"

namespace fixelf {

namespace {

constexpr uint16_t kHidden = 0x8000;  // the top bit of a DT_VERSYM entry (LSB, "Symbol Versioning")
constexpr size_t kRecord = 16;        // Verneed and Vernaux, in both classes

// One Verneed with its Vernaux records, as bytes.
struct NeedRecords {
  std::string library;
  std::array<uint8_t, kRecord> head{};
  std::vector<std::array<uint8_t, kRecord>> versions;
};

class VersionNeeds {
 public:
  // Empty if the file needs no versions.
  static Result<std::vector<NeedRecords>> parse(Draft& draft, const Part& part) {
    std::vector<NeedRecords> needs;
    const Codec& codec = draft.codec();
    const std::span<const uint8_t> bytes(part.bytes);
    uint64_t left = draft.image.dynamicValue(DT_VERNEEDNUM).value_or(0);
    size_t records = 0;
    const auto record = [&](uint64_t at, std::array<uint8_t, kRecord>& into) {
      if (!inside(at, kRecord, bytes.size()) || ++records > Limits::kVersionRecords) return false;
      std::memcpy(into.data(), &bytes[static_cast<size_t>(at)], kRecord);
      return true;
    };
    for (uint64_t at = 0; left-- > 0;) {
      NeedRecords need;
      if (!record(at, need.head)) return damaged();
      auto library = draft.nameAt(codec.u32(&need.head[4]));
      if (!library) return library.error();
      need.library = std::move(*library);
      uint64_t version = at + codec.u32(&need.head[8]);
      for (uint16_t count = codec.u16(&need.head[2]); count > 0; --count) {
        if (!record(version, need.versions.emplace_back())) return damaged();
        const uint32_t next = codec.u32(&need.versions.back()[12]);
        if (next == 0) break;
        version += next;
      }
      const uint32_t next = codec.u32(&need.head[12]);
      needs.push_back(std::move(need));
      if (next == 0) break;
      at += next;
    }
    return needs;
  }

  // The records again, back to back.
  static std::vector<uint8_t> write(const Codec& codec, std::vector<NeedRecords>& needs) {
    std::vector<uint8_t> bytes;
    const auto append = [&](const std::array<uint8_t, kRecord>& record) {
      bytes.insert(bytes.end(), record.begin(), record.end());
    };
    for (NeedRecords& need : needs) {
      const auto size = static_cast<uint32_t>(kRecord * (1 + need.versions.size()));
      codec.putU16(&need.head[2], static_cast<uint16_t>(need.versions.size()));
      codec.putU32(&need.head[8], need.versions.empty() ? 0 : kRecord);
      codec.putU32(&need.head[12], &need == &needs.back() ? 0 : size);
      append(need.head);
      for (auto& version : need.versions) {
        codec.putU32(&version[12], &version == &need.versions.back() ? 0 : kRecord);
        append(version);
      }
    }
    return bytes;
  }

 private:
  static Error damaged() {
    return unsupported("the records of the needed symbol versions are damaged");
  }
};

// A symbol that needed a version of a removed library is taken from any library that has it.
Status forgetVersions(Draft& draft, const std::set<uint16_t>& versions) {
  auto part = draft.load(PieceKind::VersionSymbols);
  if (!part) return part.error();
  if (*part == nullptr) {
    return unsupported(
        "nobody can say how many symbols have a version, and some need one of a "
        "library that is to be removed");
  }
  std::vector<uint8_t>& bytes = (*part)->bytes;
  for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    const uint16_t version = draft.codec().u16(&bytes[at]);
    if (versions.contains(version & static_cast<uint16_t>(~kHidden)))
      draft.codec().putU16(&bytes[at], VER_NDX_GLOBAL);
  }
  return Done{};
}

// Without any record the loader would use DT_VERSYM to index versions that it never made (glibc
// elf/dl-version.c makes l_versions only where there are needs or definitions).
void removeVersionNeeds(Draft& draft) {
  const bool defines = draft.find(DT_VERDEF) != nullptr;
  draft.erase([&](const DraftEntry& each) {
    const int64_t tag = each.entry.tag;
    return tag == DT_VERNEED || tag == DT_VERNEEDNUM || (tag == DT_VERSYM && !defines);
  });
}

// Null if the file needs no versions.
Result<Part*> loadVersionNeeds(Draft& draft) {
  auto part = draft.load(PieceKind::VersionNeeds);
  if (part && *part == nullptr && draft.image.dynamicValue(DT_VERNEED))
    return unsupported("the records of the needed symbol versions are damaged");
  return part;
}

Status removeVersionsOf(Draft& draft, const std::set<std::string>& libraries) {
  auto part = loadVersionNeeds(draft);
  if (!part) return part.error();
  if (*part == nullptr) return Done{};
  auto needs = VersionNeeds::parse(draft, **part);
  if (!needs) return needs.error();
  std::set<uint16_t> forgotten;
  const auto removed = std::erase_if(*needs, [&](const NeedRecords& need) {
    if (!libraries.contains(need.library)) return false;
    draft.freedNames.push_back(draft.codec().u32(&need.head[4]));
    for (const auto& version : need.versions) {
      draft.freedNames.push_back(draft.codec().u32(&version[8]));
      forgotten.insert(draft.codec().u16(&version[6]) & static_cast<uint16_t>(~kHidden));
    }
    return true;
  });
  if (removed == 0) return Done{};
  const Piece piece = (*part)->piece;
  (*part)->bytes = VersionNeeds::write(draft.codec(), *needs);
  const uint64_t size = (*part)->bytes.size();
  if (Status status = forgetVersions(draft, forgotten); !status) return status;
  if (needs->empty()) {
    removeVersionNeeds(draft);
  } else if (DraftEntry* count = draft.find(DT_VERNEEDNUM)) {
    count->entry.value = needs->size();
  }
  if (SectionHeader* section = draft.newSectionOf(piece)) {
    section->size = size;
    section->info = static_cast<uint32_t>(needs->size());
  }
  draft.because("the symbol versions that were needed of a removed library are removed as well");
  return Done{};
}

Status renameVersionsOf(Draft& draft, const std::map<std::string, std::string>& names) {
  auto part = loadVersionNeeds(draft);
  if (!part) return part.error();
  if (*part == nullptr) return Done{};
  const Codec& codec = draft.codec();
  std::vector<uint8_t>& bytes = (*part)->bytes;
  // Each record's vn_next is positive, so the walk ends.
  for (uint64_t at = 0; inside(at, kRecord, bytes.size());) {
    uint8_t* record = &bytes[static_cast<size_t>(at)];
    auto library = draft.nameAt(codec.u32(record + 4));
    if (!library) return library.error();
    if (const auto renamed = names.find(*library); renamed != names.end()) {
      draft.freedNames.push_back(codec.u32(record + 4));
      codec.putU32(record + 4, 0);
      draft.nameFields.push_back(
          {PieceKind::VersionNeeds, static_cast<size_t>(at) + 4, renamed->second});
    }
    const uint32_t next = codec.u32(record + 12);
    if (next == 0) break;
    at += next;
  }
  return Done{};
}

}  // namespace

Status changeNeeded(Draft& draft, const Edits& edits) {
  if (edits.removeNeeded.empty() && edits.replaceNeeded.empty() && edits.addNeeded.empty())
    return Done{};
  if (Status status = draft.requireDynamicTable(); !status) return status;

  std::set<std::string> removed;
  std::map<std::string, std::string> renamed;
  std::vector<std::string> names;  // of each DT_NEEDED, in order, as they are now
  for (const DraftEntry& each : draft.dynamic) {
    if (each.entry.tag != DT_NEEDED) continue;
    auto name = draft.textOf(each);
    if (!name) return name.error();
    names.push_back(std::move(*name));
  }
  const auto asked = [&](const std::string& name) {
    return std::find(edits.removeNeeded.begin(), edits.removeNeeded.end(), name) !=
           edits.removeNeeded.end();
  };
  size_t index = 0;
  draft.erase([&](const DraftEntry& each) {
    if (each.entry.tag != DT_NEEDED) return false;
    const std::string& name = names[index++];
    if (!asked(name)) return false;
    removed.insert(name);
    return true;
  });
  std::erase_if(names, asked);

  index = 0;
  for (DraftEntry& each : draft.dynamic) {
    if (each.entry.tag != DT_NEEDED) continue;
    std::string& name = names[index++];
    for (const auto& [from, to] : edits.replaceNeeded) {
      if (name != from || from == to) continue;
      renamed.emplace(from, to);
      name = to;
      draft.rename(each, to);
      break;
    }
  }
  if (!removed.empty()) {
    if (Status status = removeVersionsOf(draft, removed); !status) return status;
  }
  if (!renamed.empty()) {
    if (Status status = renameVersionsOf(draft, renamed); !status) return status;
  }

  auto place = std::find_if(draft.dynamic.begin(), draft.dynamic.end(),
                            [](const DraftEntry& each) { return each.entry.tag == DT_NEEDED; });
  if (place == draft.dynamic.end()) place = draft.dynamic.begin();
  for (const std::string& name : edits.addNeeded) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    place = draft.dynamic.insert(place, {{DT_NEEDED, 0}, name}) + 1;
  }
  return Done{};
}

}  // namespace fixelf
