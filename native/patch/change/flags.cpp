// Edits of a single word: DF_1_NODEFLIB, DT_DEBUG, and the stack's protection.
#include <algorithm>

#include "patch/changes.hpp"

namespace fixelf {

Status setNoDefaultLibraries(Draft& draft) {
  if (Status status = draft.requireDynamicTable(); !status) return status;
  if (DraftEntry* flags = draft.find(DT_FLAGS_1)) {
    flags->entry.value |= DF_1_NODEFLIB;
  } else {
    draft.dynamic.push_back({{DT_FLAGS_1, DF_1_NODEFLIB}, {}});
  }
  return Done{};
}

Status addDebugEntry(Draft& draft) {
  if (Status status = draft.requireDynamicTable(); !status) return status;
  if (draft.find(DT_DEBUG) == nullptr) draft.dynamic.push_back({{DT_DEBUG, 0}, {}});
  return Done{};
}

// Without PT_GNU_STACK the machine's default applies, which on most is an executable stack (Linux
// fs/binfmt_elf.c, EXSTACK_DEFAULT; glibc's DEFAULT_STACK_PERMS): so either choice needs the
// header.
Status changeExecutableStack(Draft& draft, bool executable) {
  // The last one counts (Image::segment).
  const auto stack = std::find_if(draft.segments.rbegin(), draft.segments.rend(),
                                  [](const auto& each) { return each.type == PT_GNU_STACK; });
  if (stack != draft.segments.rend()) {
    stack->flags = executable ? stack->flags | PF_X : stack->flags & ~uint32_t{PF_X};
    return Done{};
  }
  ProgramHeader header;
  header.type = PT_GNU_STACK;
  header.flags = PF_R | PF_W | (executable ? PF_X : 0U);
  header.alignment = 16;
  draft.newSegments.push_back(header);
  return Done{};
}

}  // namespace fixelf
