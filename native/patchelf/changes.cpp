#include "patchelf/changes.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "patchelf/failure.hpp"
#include "patchelf/os_abi.hpp"
#include "patchelf/parts.hpp"

namespace fixelf::patchelf {

namespace {

// Each once, at its first place.
std::vector<std::string> unique(const std::vector<std::string>& names) {
  std::vector<std::string> once;
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (seen.insert(name).second) once.push_back(name);
  return once;
}

// Of two with the same old name, the last counts.
std::vector<Renaming> lastOfEach(const std::vector<Renaming>& renamings) {
  std::vector<Renaming> last;
  for (const Renaming& renaming : renamings) {
    const auto same = std::ranges::find(last, renaming.from, &Renaming::from);
    if (same == last.end()) {
      last.push_back(renaming);
    } else {
      same->to = renaming.to;
    }
  }
  return last;
}

std::optional<SearchPathChange> searchPathChange(const Changes& changes) {
  using enum SearchPathChange::Kind;
  SearchPathChange change;
  change.tag = changes.forceRpath ? SearchPathTag::Rpath : SearchPathTag::Runpath;
  if (changes.shrinkRpath) {
    change.kind = Shrink;
    change.allowedPrefixes = changes.allowedRpathPrefixes;
  } else if (changes.removeRpath) {
    change.kind = Remove;
  } else if (changes.setRpath) {
    change.value = *changes.setRpath;
  } else if (changes.addRpath) {
    change.kind = Add;
    change.value = *changes.addRpath;
  } else {
    return std::nullopt;
  }
  return change;
}

bool changesDynamicTable(const Changes& changes, const EditRequest& request) {
  const Edits& edits = request.edits;
  return edits.soname || request.searchPath || !edits.renameSymbols.empty() ||
         !changes.addNeeded.empty() || !changes.removeNeeded.empty() ||
         !changes.replaceNeeded.empty() || !changes.clearSymbolVersion.empty() ||
         changes.noDefaultLib || changes.addDebugTag;
}

}  // namespace

Status check(const Changes& changes) {
  constexpr uint64_t kMostPageSize = uint64_t{1} << 30;
  if (changes.pageSize &&
      (!std::has_single_bit(*changes.pageSize) || *changes.pageSize > kMostPageSize))
    return failure(ErrorCode::Usage, "invalid argument to --page-size");
  if (changes.buildResolutionCache && changes.forceRpath) {
    return failure(ErrorCode::Usage,
                   "--build-resolution-cache cannot be combined with --force-rpath");
  }
  if (changes.setRpath && changes.addRpath)
    return failure(ErrorCode::Usage, "--set-rpath option not allowed with --add-rpath");
  return Done{};
}

bool asksForChange(const Changes& changes) {
  return changes.setInterpreter || changes.setOsAbi || changes.setSoname || changes.execstack ||
         searchPathChange(changes) || !changes.addNeeded.empty() || !changes.removeNeeded.empty() ||
         !changes.replaceNeeded.empty() || changes.noDefaultLib ||
         !changes.clearSymbolVersion.empty() || !changes.renameDynamicSymbols.empty() ||
         changes.addDebugTag || changes.buildResolutionCache;
}

Result<std::optional<EditRequest>> requestFor(const Changes& changes, const Facts& facts,
                                              std::vector<std::string>& passedOver) {
  EditRequest request;
  Edits& edits = request.edits;
  if (changes.setOsAbi) {
    const auto osAbi = osAbiValue(*changes.setOsAbi);
    if (!osAbi) return failure(ErrorCode::Usage, "unrecognized OS ABI");
    edits.osAbi = osAbi;
  }
  edits.executableStack = changes.execstack;
  if (changes.setInterpreter && !changes.setInterpreter->empty()) {
    if (!facts.interpreter) return cannotFind(".interp");
    edits.interpreter = changes.setInterpreter;
  }
  if (changes.setSoname) {
    if (isSharedObject(facts)) {
      edits.soname = changes.setSoname;
    } else {
      passedOver.emplace_back("this is not a dynamic library");
    }
  }
  request.searchPath = searchPathChange(changes);
  if (request.searchPath && facts.dynamic == DynamicTable::Unread) {
    request.searchPath.reset();
    passedOver.emplace_back("no dynamic section");
  }
  edits.renameSymbols = changes.renameDynamicSymbols;
  edits.removeNeeded = unique(changes.removeNeeded);
  edits.replaceNeeded = lastOfEach(changes.replaceNeeded);
  // However they were given, patchelf adds them in this order.
  edits.addNeeded = unique(changes.addNeeded);
  std::ranges::sort(edits.addNeeded);
  edits.clearSymbolVersions = unique(changes.clearSymbolVersion);
  edits.noDefaultLibraries = changes.noDefaultLib;
  edits.debugEntry = changes.addDebugTag;
  const bool changesTable = changesDynamicTable(changes, request);
  if (changesTable) {
    if (Status status = demandDynamicTable(facts); !status) return status.error();
  }
  // Having nothing to resolve is not a failure: the outcome has the reason why nothing is written.
  request.resolutionCache = changes.buildResolutionCache;
  const bool asksForNothing = !changesTable && !request.resolutionCache && !edits.osAbi &&
                              !edits.executableStack && !edits.interpreter;
  if (asksForNothing) return std::optional<EditRequest>();
  edits.clearVacated = changes.clobberOldSections;
  edits.pageSize = changes.pageSize.value_or(0);
  return std::optional(std::move(request));
}

}  // namespace fixelf::patchelf
