// A layout is read back before it may be written.
//
// The new bytes go through the same reader as any file. They must contain what was asked, must
// otherwise contain the same as before, and must obey the rules by which kernel and loader map
// segments. A layout that fails here is our mistake, or a file stranger than we know: it is
// refused, not written.
#pragma once

#include "patch/edits.hpp"

namespace fixelf {

Status checkLayout(const Source& source, const Edits& edits, const Layout& layout);

}  // namespace fixelf
