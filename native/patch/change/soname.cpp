#include "patch/changes.hpp"

namespace fixelf {

Status changeSoname(Draft& draft, const std::string& soname) {
  if (Status status = draft.requireDynamicTable(); !status) return status;
  if (soname.empty()) {
    draft.erase([](const DraftEntry& each) { return each.entry.tag == DT_SONAME; });
    return Done{};
  }
  DraftEntry* entry = draft.find(DT_SONAME);
  if (entry == nullptr) {
    if (draft.header.type == ET_EXEC)
      return unsupported("it is a program at a fixed address, and only libraries have a soname");
    draft.dynamic.push_back({{DT_SONAME, 0}, soname});
    return Done{};
  }
  auto present = draft.textOf(*entry);
  if (!present) return present.error();
  if (*present != soname) draft.rename(*entry, soname);
  return Done{};
}

}  // namespace fixelf
