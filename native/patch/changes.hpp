// One function for each kind of edit: it changes the draft and places nothing. What the file
// already satisfies changes nothing.
#pragma once

#include "patch/draft.hpp"

namespace fixelf {

Status changeInterpreter(Draft& draft, const std::string& path);
Status changeSearchPath(Draft& draft, const Edits::SearchPath& searchPath);
Status changeSoname(Draft& draft, const std::string& soname);
Status changeNeeded(Draft& draft, const Edits& edits);
Status setNoDefaultLibraries(Draft& draft);
Status addDebugEntry(Draft& draft);
Status changeExecutableStack(Draft& draft, bool executable);
Status clearSymbolVersions(Draft& draft, const std::vector<std::string>& symbols);
Status renameSymbols(Draft& draft, const std::vector<Renaming>& renamings);
// Puts the note in, replacing a present one; with a null pointer only removes that.
Status changeResolutionCache(Draft& draft, const std::vector<uint8_t>* descriptor);

// After all of them: gives each new name its place in the string table, and each new entry its
// place in the dynamic table.
Status settleNames(Draft& draft);
Status settleDynamicTable(Draft& draft);

}  // namespace fixelf
