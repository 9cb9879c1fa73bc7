#include <algorithm>

#include "patch/changes.hpp"

namespace fixelf {

namespace {

// Where PT_INTERP holds more than a path, the path gets a place of its own, and what is there
// stays.
Status addInterpreter(Draft& draft, const ProgramHeader& segment, const std::string& path) {
  const auto present = draft.source().string(segment.offset, segment.fileEnd(), segment.fileSize);
  if (present && *present == path) return Done{};
  Part part;
  part.piece.kind = PieceKind::Interpreter;
  part.bytes.assign(path.begin(), path.end());
  part.bytes.push_back(0);
  part.moves = true;
  draft.parts.push_back(std::move(part));
  draft.because("PT_INTERP holds more than the interpreter's path, which gets a place of its own");
  return Done{};
}

}  // namespace

Status changeInterpreter(Draft& draft, const std::string& path) {
  const ProgramHeader* segment = draft.image.segment(PT_INTERP);
  if (segment == nullptr)
    return unsupported("the file has no PT_INTERP: it is static or a library, and needs none");
  // Linux, fs/binfmt_elf.c, load_elf_binary(): between 2 and PATH_MAX bytes, the NUL included.
  if (path.empty()) return unsupported("the interpreter's path is empty");
  if (path.size() + 1 > 4096) return unsupported("the interpreter's path is longer than PATH_MAX");
  auto part = draft.load(PieceKind::Interpreter);
  if (!part) return part.error();
  if (*part == nullptr) return addInterpreter(draft, *segment, path);
  std::vector<uint8_t>& bytes = (*part)->bytes;
  const auto terminator = std::find(bytes.begin(), bytes.end(), uint8_t{0});
  if (std::equal(bytes.begin(), terminator, path.begin(), path.end())) return Done{};
  const bool fits = path.size() + 1 <= bytes.size();
  // The slot keeps its size, so that a longer path fits again later: the kernel requires the
  // segment's last byte to be NUL and takes the string up to the first one (fs/binfmt_elf.c).
  bytes.assign(std::max(bytes.size(), path.size() + 1), 0);
  std::copy(path.begin(), path.end(), bytes.begin());
  if (fits) {
    draft.because("the interpreter's path fits where the old one stood");
  } else {
    (*part)->moves = true;
  }
  return Done{};
}

}  // namespace fixelf
