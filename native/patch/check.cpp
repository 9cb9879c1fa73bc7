#include "patch/check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "elf/facts.hpp"
#include "elf/relocations.hpp"
#include "elf/symbols.hpp"
#include "patch/draft.hpp"

namespace fixelf {

namespace {

Error refused(const std::string& what) {
  return Error{ErrorCode::Unsupported,
               "the edit was planned, but its result does not pass our own check: " + what,
               {},
               0};
}

// ---- What the file must contain ----------------------------------------------------------------

void expectNeeded(Facts& facts, const Edits& edits) {
  const auto isRemoved = [&](const std::string& name) {
    return std::find(edits.removeNeeded.begin(), edits.removeNeeded.end(), name) !=
           edits.removeNeeded.end();
  };
  std::vector<std::string> gone;
  std::erase_if(facts.needed, [&](const std::string& name) {
    if (isRemoved(name)) gone.push_back(name);
    return isRemoved(name);
  });
  std::erase_if(facts.versionsNeeded, [&](const NeededVersions& needs) {
    return std::find(gone.begin(), gone.end(), needs.library) != gone.end();
  });
  std::map<std::string, std::string> renamed;
  for (std::string& name : facts.needed) {
    const auto found = std::find_if(edits.replaceNeeded.begin(), edits.replaceNeeded.end(),
                                    [&](const Renaming& each) { return each.from == name; });
    if (found == edits.replaceNeeded.end()) continue;
    renamed.emplace(found->from, found->to);
    name = found->to;
  }
  for (NeededVersions& needs : facts.versionsNeeded) {
    if (const auto found = renamed.find(needs.library); found != renamed.end())
      needs.library = found->second;
  }
  std::vector<std::string> added;
  for (const std::string& name : edits.addNeeded) {
    const auto present = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (!present(facts.needed) && !present(added)) added.push_back(name);
  }
  facts.needed.insert(facts.needed.begin(), added.begin(), added.end());
}

// The facts of the file as it is, with the edits applied.
Facts expected(Facts facts, const Edits& edits) {
  if (edits.interpreter) facts.interpreter = edits.interpreter;
  if (edits.searchPath) {
    facts.rpath.reset();
    facts.runpath.reset();
    if (!edits.searchPath->value.empty()) {
      (edits.searchPath->tag == SearchPathTag::Rpath ? facts.rpath : facts.runpath) =
          edits.searchPath->value;
    }
  }
  if (edits.soname) {
    facts.soname = edits.soname->empty() ? std::nullopt : edits.soname;
  }
  expectNeeded(facts, edits);
  if (edits.noDefaultLibraries) facts.flags1 |= DF_1_NODEFLIB;
  if (edits.osAbi) facts.header.osAbi = *edits.osAbi;
  if (edits.executableStack) facts.executableStack = edits.executableStack;
  return facts;
}

bool sameNeeds(const std::vector<NeededVersions>& expected,
               const std::vector<NeededVersions>& now) {
  const auto same = [](const NeededVersions& a, const NeededVersions& b) {
    return a.library == b.library &&
           std::equal(a.versions.begin(), a.versions.end(), b.versions.begin(), b.versions.end(),
                      [](const NeededVersion& x, const NeededVersion& y) {
                        return x.name == y.name && x.weak == y.weak;
                      });
  };
  return std::equal(expected.begin(), expected.end(), now.begin(), now.end(), same);
}

Status checkFacts(const Facts& wanted, const Facts& now) {
  if (now.interpreter != wanted.interpreter) return refused("the interpreter");
  if (now.runpath != wanted.runpath || now.rpath != wanted.rpath) return refused("the search path");
  if (now.soname != wanted.soname) return refused("the soname");
  if (now.needed != wanted.needed || now.auxiliary != wanted.auxiliary ||
      now.filter != wanted.filter) {
    return refused("the names of needed libraries");
  }
  if (!sameNeeds(wanted.versionsNeeded, now.versionsNeeded) ||
      now.versionsDefined != wanted.versionsDefined) {
    return refused("the symbol versions");
  }
  // Flags that only repeat another may have gone (DF_BIND_NOW beside DF_1_NOW).
  if (now.flags1 != wanted.flags1 || now.relro != wanted.relro) return refused("the flags");
  if (now.notes.buildId != wanted.notes.buildId || now.notes.dlopen != wanted.notes.dlopen ||
      now.notes.x86IsaNeeded != wanted.notes.x86IsaNeeded) {
    return refused("the notes");
  }
  if (now.executableStack != wanted.executableStack) return refused("the stack's protection");
  if (now.header.osAbi != wanted.header.osAbi || now.header.type != wanted.header.type ||
      now.header.entry != wanted.header.entry || now.header.flags != wanted.header.flags) {
    return refused("the ELF header");
  }
  return Done{};
}

// ---- How it is mapped --------------------------------------------------------------------------

// Whether a segment holds nothing that code could refer to, and so may be given up.
bool isArea(const Source& source, const ProgramHeader& segment) {
  const auto draft = Draft::read(source);
  if (!draft) return false;
  const auto area = findArea(source, draft->image, draft->sections, draft->pieces);
  const auto& segments = draft->image.programHeaders;
  return area && (segments[area->segment] == segment ||
                  (area->spacer && segments[area->spacer->segment] == segment));
}

// Whether a segment is shorter only because a note at its end is gone.
bool onlyLostNote(const Image& before, const Image& after, const ProgramHeader& segment,
                  const ProgramHeader& now) {
  return segment.fileSize == segment.memorySize && now.fileSize == now.memorySize &&
         std::any_of(before.programHeaders.begin(), before.programHeaders.end(),
                     [&](const ProgramHeader& note) {
                       return note.type == PT_NOTE && note.offset <= now.fileEnd() &&
                              note.fileEnd() == segment.fileEnd() &&
                              std::find(after.programHeaders.begin(), after.programHeaders.end(),
                                        note) == after.programHeaders.end();
                     });
}

// The rules of Linux fs/binfmt_elf.c and glibc elf/dl-load.c (_dl_map_object_from_fd).
Status checkSegments(const Source& source, const Image& before, const Image& after) {
  const ProgramHeader* previous = nullptr;
  for (const ProgramHeader& segment : after.programHeaders) {
    if (segment.type != PT_LOAD) continue;
    const bool old = std::find(before.programHeaders.begin(), before.programHeaders.end(),
                               segment) != before.programHeaders.end();
    if (!old && segment.alignment > 1 &&
        (segment.virtualAddress - segment.offset) % segment.alignment != 0) {
      return refused("a segment's address and offset disagree");
    }
    if (previous != nullptr && segment.virtualAddress < previous->memoryEnd() && !old) {
      return refused("two segments overlap");
    }
    if (!old && (segment.flags & PF_W) != 0 && (segment.flags & PF_X) != 0) {
      return refused("a segment is both writable and executable");
    }
    previous = &segment;
  }
  // Every segment that was mapped must still map the same bytes at the same address.
  for (const ProgramHeader& segment : before.programHeaders) {
    if (segment.type != PT_LOAD) continue;
    const bool kept = std::any_of(
        after.programHeaders.begin(), after.programHeaders.end(), [&](const ProgramHeader& now) {
          return now.type == PT_LOAD && now.virtualAddress == segment.virtualAddress &&
                 now.offset == segment.offset &&
                 ((now.memorySize >= segment.memorySize && now.fileSize >= segment.fileSize) ||
                  onlyLostNote(before, after, segment, now));
        });
    if (!kept && !isArea(source, segment)) return refused("a segment is gone or has moved");
  }
  const ProgramHeader* table = after.segment(PT_PHDR);
  if (table != nullptr && after.virtualAddress(table->offset) != table->virtualAddress) {
    return refused("the program header table is not where PT_PHDR says");
  }
  const ProgramHeader* dynamic = after.segment(PT_DYNAMIC);
  if (dynamic != nullptr && dynamic->fileSize > 0 &&
      after.virtualAddress(dynamic->offset) != dynamic->virtualAddress) {
    return refused("the dynamic table is not where PT_DYNAMIC says");
  }
  return Done{};
}

// Each address in the dynamic table must still point at the same bytes as before; this is checked
// for the entries whose targets no edit changes.
Status checkPointers(const Source& source, const Image& before, const Source& patched,
                     const Image& after) {
  constexpr size_t kLooked = 16;
  for (const int64_t tag : {int64_t{DT_INIT}, int64_t{DT_FINI}, int64_t{DT_INIT_ARRAY},
                            int64_t{DT_FINI_ARRAY}, int64_t{DT_RELA}, int64_t{DT_REL},
                            int64_t{DT_JMPREL}, int64_t{DT_PLTGOT}, int64_t{DT_VERDEF}}) {
    const auto then = before.dynamicValue(tag);
    const auto now = after.dynamicValue(tag);
    if (then.has_value() != now.has_value())
      return refused("an entry of the dynamic table is gone");
    if (!then || *then == *now) continue;
    const auto oldOffset = before.fileOffset(*then);
    const auto newOffset = after.fileOffset(*now);
    if (!oldOffset || !newOffset) return refused("an address of the dynamic table");
    auto old = source.bytes(*oldOffset, kLooked, kLooked);
    auto moved = patched.bytes(*newOffset, kLooked, kLooked);
    if (!old || !moved || *old != *moved) return refused("an address of the dynamic table");
  }
  return Done{};
}

// ---- Its symbols -------------------------------------------------------------------------------

struct NamedSymbol {
  std::string name;
  uint16_t version = 0;
  SymbolEntry symbol;
};

Result<std::vector<NamedSymbol>> readSymbols(const Source& source, const Image& image) {
  std::vector<NamedSymbol> symbols;
  auto sections = readSectionHeaders(source, image);
  if (!sections) return sections.error();
  auto count = dynamicSymbolCount(source, image, *sections);
  if (!count) count = relocatedSymbolCount(source, image);
  const auto strings = StringTable::dynamicOf(image);
  const auto table = image.fileOffset(image.dynamicValue(DT_SYMTAB).value_or(0));
  if (!count || !strings || !table) return refused("the dynamic symbols can't be read");
  const size_t size = image.codec.symbolSize();
  auto bytes = source.bytes(*table, *count * size, kMostDynamicSymbols * size);
  if (!bytes) return bytes.error();
  const auto versions = image.dynamicValue(DT_VERSYM);
  const auto versionsAt = versions ? image.fileOffset(*versions) : std::nullopt;
  std::vector<uint8_t> versionBytes(static_cast<size_t>(*count) * 2, 0);
  if (versionsAt) {
    if (Status status = source.read(*versionsAt, versionBytes); !status) return status.error();
  }
  for (uint64_t index = 0; index < *count; ++index) {
    NamedSymbol& each = symbols.emplace_back();
    each.symbol = SymbolEntry::decode(
        image.codec, std::span(*bytes).subspan(static_cast<size_t>(index) * size, size));
    auto name = strings->at(source, each.symbol.name);
    if (!name) return name.error();
    each.name = std::move(*name);
    each.version = image.codec.u16(&versionBytes[static_cast<size_t>(index) * 2]);
  }
  return symbols;
}

// The same symbols in any order, except for what was asked.
Status checkSymbols(const Source& source, const Image& before, const Source& patched,
                    const Image& after, const Edits& edits) {
  auto old = readSymbols(source, before);
  if (!old) return old.error();
  auto now = readSymbols(patched, after);
  if (!now) return refused(now.error().message);
  const auto key = [](const NamedSymbol& each) {
    return std::make_tuple(each.name, each.symbol.value, each.symbol.size, each.symbol.info,
                           each.symbol.section, each.version);
  };
  const std::set<std::string> cleared(edits.clearSymbolVersions.begin(),
                                      edits.clearSymbolVersions.end());
  std::map<std::string, std::string> renamed;
  for (const auto& [from, to] : edits.renameSymbols)
    renamed.emplace(from, to);
  std::vector<decltype(key(old->front()))> wanted;
  std::vector<decltype(key(old->front()))> found;
  for (NamedSymbol& each : *old) {
    if (before.dynamicValue(DT_VERSYM) && cleared.contains(each.name))
      each.version = VER_NDX_GLOBAL;
    if (const auto name = renamed.find(each.name); name != renamed.end()) each.name = name->second;
    wanted.push_back(key(each));
  }
  for (const NamedSymbol& each : *now)
    found.push_back(key(each));
  std::sort(wanted.begin(), wanted.end());
  std::sort(found.begin(), found.end());
  return wanted == found ? Status(Done{}) : Status(refused("the dynamic symbols"));
}

}  // namespace

Status checkLayout(const Source& source, const Edits& edits, const Layout& layout) {
  if (layout.empty()) return Done{};
  const PatchedSource patched(source, layout.ranges, layout.newSize);
  const auto before = readFacts(source, {});
  if (!before) return before.error();
  const auto after = readFacts(patched, {});
  if (!after) return refused(after.error().message);
  const auto imageBefore = Image::read(source);
  if (!imageBefore) return imageBefore.error();
  const auto imageAfter = Image::read(patched);
  if (!imageAfter) return refused(imageAfter.error().message);
  // Their count may be in the first header, which may be among the edited bytes.
  if (readSectionHeaders(source, *imageBefore)) {
    const auto sections = readSectionHeaders(patched, *imageAfter);
    if (!sections) return refused(sections.error().message);
  }
  if (Status status = checkFacts(expected(*before, edits), *after); !status) return status;
  if (Status status = checkSegments(source, *imageBefore, *imageAfter); !status) return status;
  if (Status status = checkPointers(source, *imageBefore, patched, *imageAfter); !status)
    return status;
  if (edits.clearSymbolVersions.empty() && edits.renameSymbols.empty()) return Done{};
  // Removing a library changes versions as well; symbols are not compared then.
  if (!edits.removeNeeded.empty()) return Done{};
  return checkSymbols(source, *imageBefore, patched, *imageAfter, edits);
}

}  // namespace fixelf
