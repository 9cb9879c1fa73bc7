// From edits to bytes, in four steps, each in a file of its own: the draft of the file is changed
// (change/), what does not fit where it was gets a place (place), the pointers follow (emit), and
// the result is read back and compared with what was asked (check).
#include "patch/changes.hpp"
#include "patch/check.hpp"
#include "patch/emit.hpp"

namespace fixelf {

uint64_t Layout::bytes() const {
  uint64_t total = 0;
  for (const ByteRange& range : ranges)
    total += range.bytes.size();
  return total;
}

namespace {

Status refuseUnwritable(const Edits& edits) {
  const auto refuse = [](const std::string& text) -> Status {
    if (text.find('\0') != std::string::npos) return unsupported("a name holds a NUL byte");
    return Done{};
  };
  std::vector<const std::string*> texts;
  if (edits.interpreter) texts.push_back(&*edits.interpreter);
  if (edits.searchPath) texts.push_back(&edits.searchPath->value);
  if (edits.soname) texts.push_back(&*edits.soname);
  for (const auto* names : {&edits.removeNeeded, &edits.addNeeded, &edits.clearSymbolVersions}) {
    for (const std::string& name : *names)
      texts.push_back(&name);
  }
  for (const auto* renamings : {&edits.replaceNeeded, &edits.renameSymbols}) {
    for (const Renaming& renaming : *renamings)
      texts.insert(texts.end(), {&renaming.from, &renaming.to});
  }
  for (const std::string* text : texts) {
    if (Status status = refuse(*text); !status) return status;
  }
  if ((edits.pageSize & (edits.pageSize - 1)) != 0 || edits.pageSize > (1U << 30))
    return unsupported("the page size is not a power of two below 2^30");
  return Done{};
}

// Whether any of these entries of the dynamic table change.
template <class Predicate>
bool changesEntries(const Draft& draft, Predicate isRelevant) {
  std::vector<DynamicEntry> before;
  for (const DynamicEntry& entry : draft.image.dynamic)
    if (isRelevant(entry.tag)) before.push_back(entry);
  std::vector<DynamicEntry> now;
  for (const DraftEntry& each : draft.dynamic) {
    if (!isRelevant(each.entry.tag)) continue;
    if (each.name) return true;
    now.push_back(each.entry);
  }
  return before != now;
}

// Whether the search path or the needed libraries change: what was noted about them is then no
// longer true.
bool changesResolution(const Draft& draft) {
  return changesEntries(
      draft, [](int64_t tag) { return tag == DT_NEEDED || tag == DT_RPATH || tag == DT_RUNPATH; });
}

Status change(Draft& draft, const Edits& edits) {
  if (edits.interpreter) {
    if (Status status = changeInterpreter(draft, *edits.interpreter); !status) return status;
  }
  if (edits.searchPath) {
    if (Status status = changeSearchPath(draft, *edits.searchPath); !status) return status;
  }
  if (edits.soname) {
    if (Status status = changeSoname(draft, *edits.soname); !status) return status;
  }
  if (Status status = changeNeeded(draft, edits); !status) return status;
  if (edits.noDefaultLibraries) {
    if (Status status = setNoDefaultLibraries(draft); !status) return status;
  }
  if (edits.debugEntry) {
    if (Status status = addDebugEntry(draft); !status) return status;
  }
  if (edits.osAbi) draft.header.osAbi = *edits.osAbi;
  if (edits.executableStack) {
    if (Status status = changeExecutableStack(draft, *edits.executableStack); !status)
      return status;
  }
  // By their present names, as every edit refers to the file as it is.
  if (Status status = clearSymbolVersions(draft, edits.clearSymbolVersions); !status) return status;
  if (Status status = renameSymbols(draft, edits.renameSymbols); !status) return status;
  if (changesEntries(draft, [](int64_t) { return true; })) {
    if (Status status = draft.requireLoader(); !status) return status;
  }
  if (edits.resolutionCache || changesResolution(draft)) {
    const auto* descriptor = edits.resolutionCache ? &*edits.resolutionCache : nullptr;
    if (Status status = changeResolutionCache(draft, descriptor); !status) return status;
  }
  if (Status status = settleNames(draft); !status) return status;
  return settleDynamicTable(draft);
}

}  // namespace

Result<Layout> layOut(const Source& source, const Edits& edits) {
  if (Status status = refuseUnwritable(edits); !status) return status.error();
  auto draft = Draft::read(source);
  if (!draft) return draft.error();
  if (draft->header.type != ET_EXEC && draft->header.type != ET_DYN)
    return unsupported("only executables and shared libraries are read by a loader");
  draft->clearsVacated = edits.clearVacated;
  draft->mayRepeatPayload = edits.repeatPayload;
  if (Status status = change(*draft, edits); !status) return status.error();
  auto placed = place(*draft, edits.pageSize);
  if (!placed) return placed.error();
  auto layout = emit(*draft, *placed);
  if (!layout) return layout.error();
  if (placed->collision && !layout->empty()) return *placed->collision;
  if (Status status = checkLayout(source, edits, *layout); !status) return status.error();
  return layout;
}

}  // namespace fixelf
