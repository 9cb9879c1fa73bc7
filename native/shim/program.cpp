#include "program.hpp"

#include "loader_file.hpp"

namespace fixelf::shim {

Program::Program(const Stack& stack) {
  const auto* headers = reinterpret_cast<const ProgramHeader*>(stack.value(AT_PHDR, 0));
  if (headers == nullptr) return;
  const Word headerCount = stack.value(AT_PHNUM, 0);
  // The way glibc's loader finds out where the program is (elf/rtld.c, rtld_setup_main_map).
  Word base = 0;
  const ProgramHeader* table = nullptr;
  const ProgramHeader* interpreter = nullptr;
  for (Word index = 0; index < headerCount; ++index) {
    const ProgramHeader& header = headers[index];
    if (header.p_type == PT_PHDR) base = reinterpret_cast<Word>(headers) - header.p_vaddr;
    if (header.p_type == PT_DYNAMIC) table = &header;
    if (header.p_type == PT_INTERP) interpreter = &header;
  }
  if (interpreter != nullptr) {
    const auto* name = reinterpret_cast<const char*>(base + interpreter->p_vaddr);
    interpreterName_ = Text(name, interpreter->p_memsz).until('\0').behindLast('/');
  }
  if (table == nullptr) return;
  entries_ = reinterpret_cast<const DynamicEntry*>(base + table->p_vaddr);
  const std::size_t most = table->p_memsz / sizeof(DynamicEntry);
  while (count_ < most && entries_[count_].tag != DT_NULL)
    ++count_;

  const DynamicEntry* oldPath = nullptr;
  const DynamicEntry* newPath = nullptr;
  for (const DynamicEntry& entry : *this) {
    if (entry.tag == DT_STRTAB) strings_.data = reinterpret_cast<const char*>(base + entry.value);
    if (entry.tag == DT_STRSZ) strings_.size = entry.value;
    if (entry.tag == DT_RPATH) oldPath = &entry;
    if (entry.tag == DT_RUNPATH) newPath = &entry;
  }
  if (newPath == nullptr) newPath = oldPath;
  if (newPath != nullptr) searchPath_ = name(*newPath);
}

bool Program::isMusl() const {
  if (interpreterName_.startsWith("ld-musl-")) return true;
  for (const DynamicEntry& entry : *this) {
    if (entry.tag != DT_NEEDED) continue;
    const Text needed = name(entry);
    if (needed == "libc.so" || needed.startsWith("libc.musl-")) return true;
  }
  return false;
}

Text Program::name(const DynamicEntry& entry) const {
  const std::size_t at = entry.value;
  if (strings_.data == nullptr || at >= strings_.size) return {};
  const Text name = Text(strings_.data + at, strings_.size - at).until('\0');
  return at + name.size < strings_.size ? name : Text();
}

}  // namespace fixelf::shim
