#include "edits.hpp"

namespace fuzz {

fixelf::Edits editsFrom(std::span<const uint8_t> bytes) {
  using fixelf::SearchPathTag;
  constexpr size_t kMostEdits = 12;
  fixelf::Edits edits;
  Choices choices(bytes);
  for (size_t count = 0; count < kMostEdits && !choices.empty(); ++count) {
    switch (choices.byte() % 16) {
      case 0:
      case 1:
        edits.interpreter = choices.text();
        break;
      case 2:
        edits.searchPath = fixelf::Edits::SearchPath{choices.text(), SearchPathTag::Runpath};
        break;
      case 3:
        edits.searchPath = fixelf::Edits::SearchPath{choices.text(), SearchPathTag::Rpath};
        break;
      case 4:
        edits.soname = choices.text();
        break;
      case 5:
        edits.removeNeeded.push_back(choices.text());
        break;
      case 6:
        edits.replaceNeeded.push_back({choices.text(), choices.text()});
        break;
      case 7:
        edits.addNeeded.push_back(choices.text());
        break;
      case 8:
        edits.noDefaultLibraries = true;
        break;
      case 9:
        edits.debugEntry = true;
        break;
      case 10:
        edits.osAbi = choices.byte();
        break;
      case 11:
        edits.executableStack = choices.byte() % 2 == 1;
        break;
      case 12:
        edits.clearSymbolVersions.push_back(choices.text());
        break;
      case 13:
        edits.renameSymbols.push_back({choices.text(), choices.text()});
        break;
      case 14: {
        const std::string text = choices.text();
        edits.resolutionCache = std::vector<uint8_t>(text.begin(), text.end());
        break;
      }
      default: {
        const uint8_t choice = choices.byte();
        edits.clearVacated = (choice & 1U) != 0;
        // Mostly a power of two.
        if ((choice & 2U) != 0) {
          edits.pageSize = (uint64_t{1} << (choice >> 3U)) + ((choice & 4U) != 0 ? 1 : 0);
        } else {
          edits.repeatPayload = (choice & 4U) != 0;
        }
      }
    }
  }
  return edits;
}

}  // namespace fuzz
