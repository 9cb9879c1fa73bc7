#include "patchelf/parts.hpp"

#include <elf.h>
#include <sys/stat.h>

#include <cerrno>

#include "patchelf/failure.hpp"

namespace fixelf::patchelf {

namespace {

Error unreadable(const std::string& file, const Error& cause) {
  struct stat state {};
  if (stat(file.c_str(), &state) != 0)
    return systemFailure(errno, "getting info about '" + file + "'");
  if (S_ISDIR(state.st_mode))
    return failure(ErrorCode::NotRegular, "reading '" + file + "': Is a directory");
  if (cause.code == ErrorCode::PermissionDenied)
    return failure(cause.code, "opening '" + file + "': Permission denied");
  if (static_cast<uint64_t>(state.st_size) < sizeof(Elf32_Ehdr))
    return failure(cause.code, "missing ELF header");
  return cause.code == ErrorCode::NotElf ? failure(cause.code, "not an ELF executable") : cause;
}

}  // namespace

Result<std::unique_ptr<FileSource>> openFile(const std::string& file) {
  auto source = FileSource::open(file);
  if (!source) return unreadable(file, source.error());
  return source;
}

Result<Facts> readElf(const Source& source, const std::string& file) {
  auto facts = readFacts(source, file);
  if (!facts) return unreadable(file, facts.error());
  // For debug information that was split off a program, the headers are the program's.
  switch (facts->kind) {
    case Kind::Relocatable:
    case Kind::Core:
    case Kind::Other:
      return failure(ErrorCode::Unsupported, "wrong ELF type");
    default:
      return facts;
  }
}

Result<Facts> readElf(const std::string& file) {
  const auto source = openFile(file);
  if (!source) return source.error();
  return readElf(**source, file);
}

bool isSharedObject(const Facts& facts) {
  return facts.kind == Kind::Pie || facts.kind == Kind::Shared || facts.kind == Kind::StaticPie;
}

Status demandDynamicTable(const Facts& facts) {
  if (facts.dynamic == DynamicTable::None) return cannotFind(".dynamic");
  return Done{};
}

}  // namespace fixelf::patchelf
