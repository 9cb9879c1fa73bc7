// The program's dynamic table, where the kernel has mapped it (gABI chapter 5, "Dynamic Section").
// Nothing has been relocated yet.
#pragma once

#include "stack.hpp"
#include "text.hpp"

namespace fixelf::shim {

// <elf.h> Elf32_Dyn and Elf64_Dyn.
struct DynamicEntry {
  Word tag;
  Word value;
};

class Program {
 public:
  Program() = default;
  // Empty if the kernel has not reported where it is, or if there is no dynamic table.
  explicit Program(const Stack& stack);

  [[nodiscard]] const DynamicEntry* begin() const { return entries_; }
  [[nodiscard]] const DynamicEntry* end() const { return entries_ + count_; }

  // The text of an entry that is an index into the string table; empty if it is not one.
  [[nodiscard]] Text name(const DynamicEntry& entry) const;
  // The loader's own name, without directories, as in PT_INTERP; empty if it is not known.
  [[nodiscard]] Text interpreterName() const { return interpreterName_; }
  // musl's loader is its C library, under several names.
  [[nodiscard]] bool isMusl() const;
  // The directories that it names itself: DT_RUNPATH or, without one, DT_RPATH.
  [[nodiscard]] Text searchPath() const { return searchPath_; }

 private:
  const DynamicEntry* entries_ = nullptr;
  std::size_t count_ = 0;
  Text strings_;
  Text interpreterName_;
  Text searchPath_;
};

}  // namespace fixelf::shim
