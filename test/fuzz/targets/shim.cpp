// The stand-in loader: what NIX_LD names, what is in the environment, what the program needs, what
// is in its directories.
#include <linux/mman.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>

#include "choice.hpp"
#include "input.hpp"
#include "library_path.hpp"
#include "missing_library.hpp"
#include "scratch.hpp"
#include "shim_system.hpp"
#include "system.hpp"
#include "target.hpp"

namespace fuzz {

namespace {

using namespace fixelf::shim;

constexpr std::size_t kPage = 4096;

// Strings, each followed by a zero, of exactly their size, so that AddressSanitizer detects any
// read past the end.
class Strings {
 public:
  char* add(const std::string& text) {
    auto& copy = kept_.emplace_back(std::make_unique<char[]>(text.size() + 1));
    std::memcpy(copy.get(), text.c_str(), text.size() + 1);
    return copy.get();
  }

 private:
  std::deque<std::unique_ptr<char[]>> kept_;
};

std::vector<std::string> split(std::span<const uint8_t> bytes) {
  std::vector<std::string> texts;
  std::string text;
  for (const uint8_t byte : bytes) {
    if (byte != 0) {
      text += static_cast<char>(byte);
      continue;
    }
    texts.push_back(std::move(text));
    text.clear();
  }
  texts.push_back(std::move(text));
  return texts;
}

void mapLoader(std::span<const uint8_t> bytes) {
  LoaderFile file(kPage);
  if (!file.open("/loader").isNone()) return;
  (void)file.isOfGlibc();
  Mapping mapping;
  const Problem problem = file.map(mapping);
  demand(problem.isNone() || problem.flaw == Flaw::Unmappable, "a loader that was taken");
  if (!problem.isNone()) return;
  // It is mapped as the kernel would have mapped it.
  FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (std::size_t index = 0; index < header.e_phnum; ++index) {
    ProgramHeader segment;
    std::memcpy(&segment, &bytes[header.e_phoff + index * sizeof segment], sizeof segment);
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0 || (segment.p_flags & PF_R) == 0)
      continue;
    const auto* at = reinterpret_cast<const uint8_t*>(mapping.base + segment.p_vaddr);
    demand(std::equal(at, at + segment.p_filesz,
                      bytes.begin() + static_cast<ptrdiff_t>(segment.p_offset)),
           "a segment's bytes");
    const std::size_t looked = std::min<std::size_t>(segment.p_memsz - segment.p_filesz, 2 * kPage);
    demand(std::all_of(at + segment.p_filesz, at + segment.p_filesz + looked,
                       [](uint8_t byte) { return byte == 0; }),
           "the zeros behind a segment");
  }
}

void start(std::span<const uint8_t> environment, std::span<const uint8_t> needs) {
  Strings strings;
  std::vector<Word> words = {1, reinterpret_cast<Word>(strings.add("program")), 0};
  for (const std::string& entry : split(environment)) {
    if (!entry.empty()) words.push_back(reinterpret_cast<Word>(strings.add(entry)));
  }
  words.push_back(0);

  // A program whose dynamic table is where its headers say, with any content.
  Choices choices(needs);
  const auto interpreter = choices.text();
  std::string table;
  std::vector<DynamicEntry> dynamic;
  while (!choices.empty() && dynamic.size() < 32) {
    const uint8_t kind = choices.byte();
    const Word name = (kind & 0x80U) != 0 ? choices.number(2) : table.size();
    const Word tag = kind % 4 == 0 ? DT_RUNPATH : kind % 4 == 1 ? DT_RPATH : DT_NEEDED;
    table += choices.text() + std::string((kind & 0x40U) != 0 ? 0 : 1, '\0');
    dynamic.push_back({tag, name});
  }
  const auto names = std::make_unique<char[]>(std::max<size_t>(1, table.size()));
  std::memcpy(names.get(), table.data(), table.size());
  dynamic.push_back({DT_STRTAB, reinterpret_cast<Word>(names.get())});
  dynamic.push_back({DT_STRSZ, table.size()});
  const auto path = std::make_unique<char[]>(std::max<size_t>(1, interpreter.size()));
  std::memcpy(path.get(), interpreter.data(), interpreter.size());
  std::vector<ProgramHeader> headers(3);
  headers[0].p_type = PT_PHDR;
  headers[0].p_vaddr = reinterpret_cast<Word>(headers.data());
  headers[1].p_type = PT_INTERP;
  headers[1].p_vaddr = reinterpret_cast<Word>(path.get());
  headers[1].p_memsz = interpreter.size();
  headers[2].p_type = PT_DYNAMIC;
  headers[2].p_vaddr = reinterpret_cast<Word>(dynamic.data());
  headers[2].p_memsz = dynamic.size() * sizeof(DynamicEntry);
  words.insert(words.end(), {AT_PHDR, reinterpret_cast<Word>(headers.data()), AT_PHNUM,
                             headers.size(), AT_NULL, 0});

  const Stack stack(words.data());
  const Variables variables = readVariables(stack.environment());
  setLevel(Level::Warn);
  fixelf::shim::setLevel(variables.log);
  const Program program(stack);
  LoaderFile file(kPage);
  Choice choice;
  const Problem problem = openLoader(variables, program, file, choice);
  demand(choice.path != nullptr, "no loader was chosen");
  char* entry = libraryPathEntry(variables);
  demand(entry == nullptr || Text::of(entry).startsWith(kLibraryPathPrefix), "LD_LIBRARY_PATH");
  if (problem.isNone()) tellOfMissingLibrary(stack, program, choice, variables, entry);
}

}  // namespace

void run(std::span<const uint8_t> input) {
  static const bool isReady = [] {
    for (const char* directory : {"/lib", "/etc", "/run/current-system/sw/share/nix-ld/lib"})
      std::filesystem::create_directories(scratch() + directory);
    writeFile(scratch() + "/loader", {});
    std::filesystem::create_hard_link(scratch() + "/loader",
                                      scratch() + "/run/current-system/sw/share/nix-ld/lib/ld.so");
    return true;
  }();
  (void)isReady;
  const std::vector<Part> parts = partsOf(input);
  const auto loader = partOf(parts, 0);
  writeFile(scratch() + "/loader", loader);
  writeFile(scratch() + "/lib/liba.so", partOf(parts, 3));
  mapLoader(loader);
  start(partOf(parts, 1), partOf(parts, 2));
  unmapAll();
}

}  // namespace fuzz
