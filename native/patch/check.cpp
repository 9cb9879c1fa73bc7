#include "patch/check.hpp"

#include <algorithm>

#include "elf/facts.hpp"

namespace fixelf {

namespace {

Error refused(const std::string& what) {
  return Error{ErrorCode::Unsupported,
               "the edit was planned, but its result does not pass our own check: " + what,
               {},
               0};
}

Status checkAsked(const Facts& facts, const Edits& edits) {
  if (edits.interpreter && facts.interpreter != edits.interpreter) {
    return refused("the interpreter is not the one asked for");
  }
  if (edits.searchPath) {
    const auto& wanted = *edits.searchPath;
    const bool rpath = wanted.tag == SearchPathTag::Rpath;
    const auto& set = rpath ? facts.rpath : facts.runpath;
    const auto& other = rpath ? facts.runpath : facts.rpath;
    if (set.value_or("") != wanted.value || other) {
      return refused("the search path is not the one asked for");
    }
  }
  return Done{};
}

bool sameNeeds(const Facts& before, const Facts& after) {
  const auto same = [](const NeededVersions& a, const NeededVersions& b) {
    return a.library == b.library &&
           std::equal(a.versions.begin(), a.versions.end(), b.versions.begin(), b.versions.end(),
                      [](const NeededVersion& x, const NeededVersion& y) {
                        return x.name == y.name && x.weak == y.weak;
                      });
  };
  return std::equal(before.versionsNeeded.begin(), before.versionsNeeded.end(),
                    after.versionsNeeded.begin(), after.versionsNeeded.end(), same);
}

Status checkKept(const Facts& before, const Facts& after, const Edits& edits) {
  if (!edits.interpreter && before.interpreter != after.interpreter) return refused("interpreter");
  if (!edits.searchPath && (before.runpath != after.runpath || before.rpath != after.rpath)) {
    return refused("search path");
  }
  if (before.kind != after.kind || before.soname != after.soname || before.needed != after.needed ||
      before.auxiliary != after.auxiliary || before.filter != after.filter) {
    return refused("a name has changed that should not");
  }
  if (!sameNeeds(before, after) || before.versionsDefined != after.versionsDefined) {
    return refused("the symbol versions have changed");
  }
  if (before.notes.buildId != after.notes.buildId || before.notes.dlopen != after.notes.dlopen ||
      before.executableStack != after.executableStack) {
    return refused("the notes or the stack's protection have changed");
  }
  return Done{};
}

// The rules of Linux fs/binfmt_elf.c and glibc elf/dl-load.c (_dl_map_object_from_fd).
Status checkSegments(const Image& before, const Image& after) {
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
                 now.offset == segment.offset && now.memorySize >= segment.memorySize &&
                 now.fileSize >= segment.fileSize;
        });
    if (!kept) return refused("a segment is gone or has moved");
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
  if (Status status = checkAsked(*after, edits); !status) return status;
  if (Status status = checkKept(*before, *after, edits); !status) return status;
  return checkSegments(*imageBefore, *imageAfter);
}

}  // namespace fixelf
