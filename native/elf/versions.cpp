#include "elf/versions.hpp"

#include <algorithm>
#include <array>

#include "elf/symbols.hpp"

namespace fixelf {

namespace {

// Verneed and Verdef have the same layout in ELF32 and ELF64.
struct Need {
  uint16_t version;
  uint16_t auxiliaryCount;
  uint32_t file;
  uint32_t auxiliary;
  uint32_t next;
};
struct NeedAuxiliary {
  uint32_t hash;
  uint16_t flags;
  uint16_t number;
  uint32_t name;
  uint32_t next;
};
struct Definition {
  uint16_t version;
  uint16_t flags;
  uint16_t number;
  uint16_t auxiliaryCount;
  uint32_t hash;
  uint32_t auxiliary;
  uint32_t next;
};
struct DefinitionAuxiliary {
  uint32_t name;
  uint32_t next;
};

// Walks one such table. `need` and `definition` receive each record with its auxiliaries.
class Walker {
 public:
  Walker(const Source& source, const Image& image) : source_(source), image_(image) {}

  template <class OnNeed, class OnAuxiliary>
  Status needs(OnNeed onNeed, OnAuxiliary onAuxiliary) {
    auto start = tableOffset(DT_VERNEED);
    uint64_t left = image_.dynamicValue(DT_VERNEEDNUM).value_or(0);
    // Past a segment's bytes in the file its memory is zero, so a loader reads zeros there.
    if (!start && left > 0 && image_.dynamicValue(DT_VERNEED)) return onNeed(Need{});
    while (start && left-- > 0) {
      std::array<uint8_t, 16> bytes{};
      if (Status status = record(*start, bytes); !status) return status;
      const Need need{codec().u16(&bytes[0]), codec().u16(&bytes[2]), codec().u32(&bytes[4]),
                      codec().u32(&bytes[8]), codec().u32(&bytes[12])};
      if (Status status = onNeed(need); !status) return status;
      uint64_t at = *start + need.auxiliary;
      for (uint16_t index = 0; index < need.auxiliaryCount; ++index) {
        if (Status status = record(at, bytes); !status) return status;
        const NeedAuxiliary auxiliary{codec().u32(&bytes[0]), codec().u16(&bytes[4]),
                                      codec().u16(&bytes[6]), codec().u32(&bytes[8]),
                                      codec().u32(&bytes[12])};
        if (Status status = onAuxiliary(auxiliary); !status) return status;
        if (auxiliary.next == 0) break;
        if (index + 1 == need.auxiliaryCount) cutShort_ = true;
        at += auxiliary.next;
      }
      if (need.next == 0) break;
      if (left == 0) cutShort_ = true;
      *start += need.next;
    }
    return Done{};
  }

  template <class OnDefinition, class OnAuxiliary>
  Status definitions(OnDefinition onDefinition, OnAuxiliary onAuxiliary) {
    auto start = tableOffset(DT_VERDEF);
    uint64_t left = image_.dynamicValue(DT_VERDEFNUM).value_or(0);
    while (start && left-- > 0) {
      std::array<uint8_t, 20> bytes{};
      if (Status status = record(*start, bytes); !status) return status;
      const Definition definition{codec().u16(&bytes[0]), codec().u16(&bytes[2]),
                                  codec().u16(&bytes[4]), codec().u16(&bytes[6]),
                                  codec().u32(&bytes[8]), codec().u32(&bytes[12]),
                                  codec().u32(&bytes[16])};
      if (Status status = onDefinition(definition); !status) return status;
      uint64_t at = *start + definition.auxiliary;
      for (uint16_t index = 0; index < definition.auxiliaryCount; ++index) {
        std::array<uint8_t, 8> auxiliaryBytes{};
        if (Status status = record(at, auxiliaryBytes); !status) return status;
        const DefinitionAuxiliary auxiliary{codec().u32(&auxiliaryBytes[0]),
                                            codec().u32(&auxiliaryBytes[4])};
        if (Status status = onAuxiliary(definition, index, auxiliary); !status) return status;
        if (auxiliary.next == 0) break;
        if (index + 1 == definition.auxiliaryCount) cutShort_ = true;
        at += auxiliary.next;
      }
      if (definition.next == 0) break;
      if (left == 0) cutShort_ = true;
      *start += definition.next;
    }
    return Done{};
  }

  [[nodiscard]] std::optional<uint64_t> tableOffset(int64_t tag) const {
    const auto address = image_.dynamicValue(tag);
    return address ? image_.fileOffset(*address) : std::nullopt;
  }
  // The end of the last record read.
  [[nodiscard]] uint64_t end() const { return end_; }
  // Whether the records read are contiguous from `start` on, and complete.
  [[nodiscard]] bool isOneTable(uint64_t start) const {
    return end_ > start && covered_ == end_ - start && !cutShort_;
  }
  // A list continues beyond its count: glibc's loader follows it (elf/dl-version.c), we don't.
  [[nodiscard]] bool cutShort() const { return cutShort_; }

 private:
  [[nodiscard]] const Codec& codec() const { return image_.codec; }

  // One bounded read; every `next` is added to a 64-bit offset that started inside the file and is
  // bounded by the record count, so it cannot wrap.
  Status record(uint64_t offset, std::span<uint8_t> bytes) {
    if (++records_ > Limits::kVersionRecords) {
      return Error{ErrorCode::LimitExceeded, "the file has too many symbol version records", {}, 0};
    }
    end_ = std::max(end_, offset + bytes.size());
    covered_ += bytes.size();
    return source_.read(offset, bytes);
  }

  const Source& source_;
  const Image& image_;
  uint64_t records_ = 0;
  uint64_t end_ = 0;
  uint64_t covered_ = 0;
  bool cutShort_ = false;
};

}  // namespace

namespace {

// Names that are held to a common limit: a thousand records may all point at one long name.
class Names {
 public:
  Names(const Source& source, const StringTable& strings) : source_(source), strings_(strings) {}

  Result<std::string> at(uint64_t index) {
    auto name = strings_.at(source_, index);
    if (!name) return name;
    total_ += name->size();
    if (total_ > Limits::kStrings) {
      return Error{ErrorCode::LimitExceeded, "the file has too many version names to hold", {}, 0};
    }
    return name;
  }

 private:
  const Source& source_;
  const StringTable& strings_;
  uint64_t total_ = 0;
};

}  // namespace

Result<std::vector<NeededVersions>> readNeededVersions(const Source& source, const Image& image,
                                                       const StringTable& strings) {
  std::vector<NeededVersions> result;
  Names names(source, strings);
  Status status = Walker(source, image)
                      .needs(
                          [&](const Need& need) -> Status {
                            auto library = names.at(need.file);
                            if (!library) return library.error();
                            result.push_back({std::move(*library), {}, need.version});
                            return Done{};
                          },
                          [&](const NeedAuxiliary& auxiliary) -> Status {
                            auto name = names.at(auxiliary.name);
                            if (!name) return name.error();
                            const bool hashed = systemVHash(*name) == auxiliary.hash;
                            result.back().versions.push_back(
                                {std::move(*name), (auxiliary.flags & VER_FLG_WEAK) != 0, hashed});
                            return Done{};
                          });
  if (!status) return status.error();
  return result;
}

Result<DefinedVersions> readDefinedVersions(const Source& source, const Image& image,
                                            const StringTable& strings) {
  DefinedVersions result;
  Names names(source, strings);
  const auto onAuxiliary = [&](const Definition& definition, uint16_t index,
                               const DefinitionAuxiliary& auxiliary) -> Status {
    // The first auxiliary is the version's own name, the rest its parents.
    if (index > 0) return Done{};
    auto name = names.at(auxiliary.name);
    if (!name) return name.error();
    if ((definition.flags & VER_FLG_BASE) != 0) {
      result.base = std::move(*name);
    } else {
      result.names.push_back(std::move(*name));
    }
    return Done{};
  };
  bool first = true;
  const auto onDefinition = [&](const Definition& definition) -> Status {
    if (first) result.form = definition.version;
    first = false;
    return Done{};
  };
  Status status = Walker(source, image).definitions(onDefinition, onAuxiliary);
  if (!status) return status.error();
  return result;
}

Result<std::vector<NumberedVersion>> readNumberedVersions(const Source& source, const Image& image,
                                                          const StringTable& strings) {
  constexpr uint16_t kNumber = 0x7fff;  // the bit above marks the version as hidden
  std::vector<NumberedVersion> versions;
  Names names(source, strings);
  std::string library;
  const auto keep = [&](uint16_t number, NumberedVersion version) {
    const size_t at = number & kNumber;
    if (at >= versions.size()) versions.resize(at + 1);
    versions[at] = std::move(version);
  };
  Walker walker(source, image);
  Status status = walker.needs(
      [&](const Need& need) -> Status {
        auto name = names.at(need.file);
        if (!name) return name.error();
        library = std::move(*name);
        return Done{};
      },
      [&](const NeedAuxiliary& auxiliary) -> Status {
        auto name = names.at(auxiliary.name);
        if (!name) return name.error();
        keep(auxiliary.number,
             {std::move(*name), auxiliary.hash, (auxiliary.number & ~kNumber) != 0, library});
        return Done{};
      });
  if (!status) return status.error();
  status =
      walker.definitions([](const Definition&) -> Status { return Done{}; },
                         [&](const Definition& definition, uint16_t index,
                             const DefinitionAuxiliary& auxiliary) -> Status {
                           if (index > 0 || (definition.flags & VER_FLG_BASE) != 0) return Done{};
                           auto name = names.at(auxiliary.name);
                           if (!name) return name.error();
                           keep(definition.number, {std::move(*name), definition.hash, false, {}});
                           return Done{};
                         });
  if (!status) return status.error();
  return versions;
}

std::optional<VersionTable> neededVersionsTable(const Source& source, const Image& image) {
  Walker walker(source, image);
  const auto start = walker.tableOffset(DT_VERNEED);
  const Status status = walker.needs([](const Need&) -> Status { return Done{}; },
                                     [](const NeedAuxiliary&) -> Status { return Done{}; });
  if (!start || !status || !walker.isOneTable(*start)) return std::nullopt;
  return VersionTable{*start, walker.end() - *start};
}

std::optional<VersionTable> definedVersionsTable(const Source& source, const Image& image) {
  Walker walker(source, image);
  const auto start = walker.tableOffset(DT_VERDEF);
  const Status status = walker.definitions(
      [](const Definition&) -> Status { return Done{}; },
      [](const Definition&, uint16_t, const DefinitionAuxiliary&) -> Status { return Done{}; });
  if (!start || !status || !walker.isOneTable(*start)) return std::nullopt;
  return VersionTable{*start, walker.end() - *start};
}

Status visitVersionNames(const Source& source, const Image& image,
                         const std::function<void(uint64_t)>& visit) {
  Walker walker(source, image);
  Status status = walker.needs(
      [&](const Need& need) -> Status {
        visit(need.file);
        return Done{};
      },
      [&](const NeedAuxiliary& auxiliary) -> Status {
        visit(auxiliary.name);
        return Done{};
      });
  if (!status) return status;
  status = walker.definitions(
      [](const Definition&) -> Status { return Done{}; },
      [&](const Definition&, uint16_t, const DefinitionAuxiliary& auxiliary) -> Status {
        visit(auxiliary.name);
        return Done{};
      });
  if (!status) return status;
  if (walker.cutShort()) {
    return Error{
        ErrorCode::Malformed, "the symbol version records go on beyond their count", {}, 0};
  }
  return Done{};
}

}  // namespace fixelf
