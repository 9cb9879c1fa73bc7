// Search inside a file: each instruction set, and windows of any size, find the same.
#include "scan/search.hpp"

#include "input.hpp"
#include "scratch.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;

constexpr std::string_view kHashes =
    "0123456789abcdfghijklmnpqrsvwxyz"
    "00000000000000000000000000000000"
    "zyxwvsrqpnmlkjihgfdcba9876543210";

std::string textOf(const Found& found) {
  std::string text;
  for (const Mention& mention : found.answer.mentions) {
    text += std::to_string(static_cast<int>(mention.kind)) + " " +
            std::to_string(static_cast<int>(mention.spelling)) + " " + mention.text + " " +
            std::to_string(mention.offset) + " " + std::to_string(mention.count) + "\n";
  }
  for (const Compressed& compressed : found.answer.compressed) {
    text += std::to_string(static_cast<int>(compressed.kind)) + " " +
            std::to_string(compressed.offset) + " " + std::to_string(compressed.count) + "\n";
  }
  return text + std::to_string(found.answer.moreMentions) + " " +
         std::to_string(found.answer.moreCompressed);
}

}  // namespace

void run(std::span<const uint8_t> input) {
  static const std::string path = scratch() + "/file";
  const std::vector<Part> parts = partsOf(input);
  writeFile(path, partOf(parts, 0));
  std::string first;
  bool isFirst = true;
  for (const InstructionSet set : availableInstructionSets()) {
    SearchOptions options;
    options.hashes = HashSet(kHashes);
    options.threads = 1;
    options.instructionSet = set;
    // A different size for each, so that borders of windows are everywhere; the first has
    // everything in one, and is no longer, because AddressSanitizer maps and unmaps allocations of
    // 128 KiB.
    options.windowSize = isFirst ? 64U << 10U : 4096 + 64 * static_cast<size_t>(set);
    const auto found = search(path, std::move(options));
    demand(static_cast<bool>(found), found ? "" : found.error().message);
    demand(found->failures.empty() && found->files == 1, "what was read");
    const std::string text = textOf(*found);
    if (!isFirst && text != first) fail("two answers:\n" + first + "\nand\n", text);
    first = text;
    isFirst = false;
  }
}

}  // namespace fuzz
