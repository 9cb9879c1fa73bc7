#include "patch/premise.hpp"

#include <algorithm>

#include "elf/facts.hpp"

namespace fixelf {

namespace {

Status demand(bool same) {
  if (same) return Done{};
  return Error{ErrorCode::Changed, "the file has changed since it was read", {}, 0};
}

}  // namespace

Status demandPremise(const Source& source, const Premise& premise) {
  auto facts = readFacts(source, {});
  if (!facts) return facts.error();
  return demand(premise == Premise{facts->size, facts->interpreter, facts->needed, facts->rpath,
                                   facts->runpath});
}

Status demandFirstLine(const Source& source, const std::string& line) {
  // Of a longer line the kernel sees no more than this (BINPRM_BUF_SIZE, with a NUL of its own).
  constexpr uint64_t kWindow = 255;
  const std::string wanted = "#!" + line;
  const uint64_t length = std::min({source.size(), wanted.size() + uint64_t{1}, kWindow});
  auto bytes = source.bytes(0, length, kWindow);
  if (!bytes) return bytes.error();
  const std::string found(bytes->begin(), bytes->end());
  const bool ends = found.size() <= wanted.size() || found.back() == '\n' || found.back() == '\0';
  return demand(found.starts_with(wanted) && ends);
}

}  // namespace fixelf
