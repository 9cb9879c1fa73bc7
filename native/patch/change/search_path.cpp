#include "patch/changes.hpp"

namespace fixelf {

Status changeSearchPath(Draft& draft, const Edits::SearchPath& searchPath) {
  if (Status status = draft.requireDynamicTable(); !status) return status;
  const auto isSearchPath = [](const DraftEntry& each) {
    return each.entry.tag == DT_RPATH || each.entry.tag == DT_RUNPATH;
  };
  if (searchPath.value.empty()) {
    draft.erase(isSearchPath);
    return Done{};
  }
  const int64_t tag = searchPath.tag == SearchPathTag::Rpath ? DT_RPATH : DT_RUNPATH;
  // DT_RUNPATH takes precedence if a file has both (glibc elf/dl-load.c, _dl_map_object).
  DraftEntry* kept =
      draft.find(DT_RUNPATH) != nullptr ? draft.find(DT_RUNPATH) : draft.find(DT_RPATH);
  if (kept == nullptr) {
    draft.dynamic.push_back({{tag, 0}, searchPath.value});
    return Done{};
  }
  auto present = draft.textOf(*kept);
  if (!present) return present.error();
  kept->entry.tag = tag;
  if (*present != searchPath.value) draft.rename(*kept, searchPath.value);
  const DraftEntry* only = kept;
  draft.erase([&](const DraftEntry& each) { return isSearchPath(each) && &each != only; });
  return Done{};
}

}  // namespace fixelf
