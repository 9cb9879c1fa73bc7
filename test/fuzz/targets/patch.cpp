// The patch engine: any bytes, any edits. An edit is refused with a reason, or the result parses,
// is as requested and otherwise as before, changes no byte that no header refers to, and makes no
// further change when the edit is repeated.
#include <algorithm>
#include <string_view>

#include "edits.hpp"
#include "elf/facts.hpp"
#include "input.hpp"
#include "patch/first_line.hpp"
#include "referred.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf;

// An edit may append a segment at the next multiple of the page size, twice.
constexpr uint64_t kMostGrowth = 64U << 20;

std::string textOf(const Layout& layout) {
  std::string text;
  for (const std::string& reason : layout.reasons)
    text += "\n" + reason;
  for (const ByteRange& range : layout.ranges)
    text += "\n" + std::to_string(range.bytes.size()) + " bytes at " + std::to_string(range.offset);
  return text;
}

Bytes applied(const Bytes& before, const Layout& layout) {
  Bytes after = before;
  after.resize(static_cast<size_t>(layout.newSize), 0);
  for (const ByteRange& range : layout.ranges)
    std::copy(range.bytes.begin(), range.bytes.end(),
              after.begin() + static_cast<ptrdiff_t>(range.offset));
  return after;
}

void checkRanges(const Bytes& before, const Layout& layout) {
  uint64_t end = 0;
  for (const ByteRange& range : layout.ranges) {
    demand(range.offset >= end && !range.bytes.empty(), "ranges that overlap, or are empty");
    end = range.end();
  }
  demand(end <= layout.newSize, "a range behind the file's end");
  demand(layout.oldSize == before.size(), "the size that it was planned for");
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

void checkSaid(const Facts& before, const Facts& after, const Edits& edits) {
  if (edits.interpreter) {
    demand(after.interpreter == edits.interpreter, "the interpreter that was asked for");
  } else {
    demand(after.interpreter == before.interpreter, "the interpreter");
  }
  if (edits.searchPath) {
    const std::string& value = edits.searchPath->value;
    const bool isOld = edits.searchPath->tag == SearchPathTag::Rpath;
    demand((isOld ? after.rpath : after.runpath).value_or("") == value, "the search path");
    demand(!(isOld ? after.runpath : after.rpath), "a search path under the other tag");
  } else {
    demand(after.rpath == before.rpath && after.runpath == before.runpath,
           "a search path that nobody asked for");
  }
  const auto soname = edits.soname && edits.soname->empty() ? std::nullopt
                      : edits.soname                        ? edits.soname
                                                            : before.soname;
  demand(after.soname == soname, "the soname");
  for (const std::string& name : edits.addNeeded)
    demand(contains(after.needed, name), "a library that was to be added");
  for (const std::string& name : edits.removeNeeded) {
    const bool comesBack = contains(edits.addNeeded, name) ||
                           std::ranges::any_of(edits.replaceNeeded, [&](const Renaming& each) {
                             return each.to == name;
                           });
    demand(comesBack || !contains(after.needed, name), "a library that was to be removed");
  }
  if (edits.addNeeded.empty() && edits.removeNeeded.empty() && edits.replaceNeeded.empty())
    demand(after.needed == before.needed, "the needed libraries");
  if (edits.executableStack)
    demand(after.executableStack == edits.executableStack, "the stack's protection");
  demand(after.header.osAbi == edits.osAbi.value_or(before.header.osAbi), "the OS ABI");
  if (edits.noDefaultLibraries) demand(after.noDefaultLibraries(), "DF_1_NODEFLIB");
  demand(after.header.entry == before.header.entry && after.header.type == before.header.type,
         "the header");
  demand(after.versionsDefined == before.versionsDefined, "the versions defined");
  demand(after.notes.buildId == before.notes.buildId, "the build ID");
  demand(after.overlay.has_value() == before.overlay.has_value(), "a payload");
}

// It ends the file as before. If the file has grown it is also where it was, or, if that was a
// repetition, where it was first.
void checkPayload(const Overlay& payload, const Bytes& before, const Bytes& after, bool mayRepeat) {
  demand(mayRepeat || after.size() == before.size(), "where the payload ends");
  const auto textOf = [](const Bytes& bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const auto wanted = textOf(before).substr(static_cast<size_t>(payload.offset));
  demand(textOf(after).ends_with(wanted), "the payload");
  if (after.size() == before.size()) return;
  demand(textOf(after).substr(0, before.size()).find(wanted) != std::string_view::npos,
         "the payload where it was");
}

void checkBytes(const MemorySource& source, const Bytes& before, const Layout& layout, size_t end) {
  const Referred referred(source);
  for (const ByteRange& range : layout.ranges) {
    const auto offset = static_cast<size_t>(range.offset);
    for (size_t index = 0; index < range.bytes.size(); ++index) {
      const size_t at = offset + index;
      if (at >= end) break;
      if (before[at] == range.bytes[index] || referred.contains(at)) continue;
      // If nothing refers to them: padding, and what patchelf leaves where something was.
      if (before[at] == 0 || before[at] == 'X' || before[at] == 'Z') continue;
      fail("what no header refers to changes, at ", std::to_string(at));
    }
  }
}

void runScript(const Bytes& bytes, const std::string& line) {
  const MemorySource source(bytes);
  const auto layout = replaceFirstLine(source, line);
  if (!layout) return demand(!layout.error().message.empty(), "an error without a reason");
  checkRanges(bytes, *layout);
  const Bytes after = applied(bytes, *layout);
  Bytes start = {'#', '!'};
  start.insert(start.end(), line.begin(), line.end());
  demand(after.size() >= start.size() && std::equal(start.begin(), start.end(), after.begin()),
         "the first line");
  const auto oldEnd = std::ranges::find(bytes, uint8_t{'\n'});
  const auto newEnd = std::ranges::find(after, uint8_t{'\n'});
  demand(std::equal(oldEnd, bytes.end(), newEnd, after.end()), "what follows the first line");
}

// The file after the edits; empty if it is not changed.
Bytes checkEdits(const Bytes& before, const Edits& edits) {
  const MemorySource source(before);
  const auto layout = layOut(source, edits);
  if (!layout) {
    demand(!layout.error().message.empty(), "an error without a reason");
    return {};
  }
  checkRanges(before, *layout);
  demand(layout->newSize >= layout->oldSize && layout->newSize - layout->oldSize < kMostGrowth,
         "the new size");
  if (layout->empty()) return {};
  const Bytes after = applied(before, *layout);
  demand(after != before, "a layout that changes nothing");

  const MemorySource patched(after);
  const auto factsBefore = readFacts(source, "before");
  const auto factsAfter = readFacts(patched, "after");
  demand(static_cast<bool>(factsBefore), "a file that cannot be read was edited");
  demand(static_cast<bool>(factsAfter),
         "the result cannot be read: ", (factsAfter ? "" : factsAfter.error().message));
  checkSaid(*factsBefore, *factsAfter, edits);
  const auto payload = factsBefore->overlay;
  if (payload) checkPayload(*payload, before, after, edits.repeatPayload);
  checkBytes(source, before, *layout,
             payload ? static_cast<size_t>(payload->offset) : before.size());

  Edits again;
  again.interpreter = edits.interpreter;
  again.searchPath = edits.searchPath;
  again.soname = edits.soname;
  again.osAbi = edits.osAbi;
  again.executableStack = edits.executableStack;
  again.repeatPayload = edits.repeatPayload;
  const auto second = layOut(patched, again);
  if (!second)
    fail("what was asked once is refused when it is asked again: ", second.error().message);
  if (!second->empty()) fail("what was asked once changes something again", textOf(*second));
  return after;
}

}  // namespace

void run(std::span<const uint8_t> input) {
  const std::vector<Part> parts = partsOf(input);
  const auto file = partOf(parts, 0);
  const Bytes before(file.begin(), file.end());
  const auto asked = partOf(parts, 1);
  if (before.size() > 2 && before[0] == '#' && before[1] == '!')
    return runScript(before, Choices(asked).text());

  const Edits edits = editsFrom(asked);
  const Bytes after = checkEdits(before, edits);
  if (after.empty() || !edits.repeatPayload) return;
  // A repetition moves if the segment before it grows.
  Edits longer;
  longer.repeatPayload = true;
  longer.searchPath = Edits::SearchPath{std::string(6000, '/'), SearchPathTag::Runpath};
  checkEdits(after, longer);
}

}  // namespace fuzz
