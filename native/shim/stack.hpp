// What the kernel leaves on the stack of a new process: the number of arguments, the arguments, the
// environment, the auxiliary vector (gABI, "Process Initialization"; fs/binfmt_elf.c,
// create_elf_tables). All but the first may be empty.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>

#include "text.hpp"

namespace fixelf::shim {

using Word = std::uintptr_t;

struct Auxiliary {
  Word type;
  Word value;
};

class Stack {
 public:
  explicit Stack(Word* head) : head_(head) {
    Word* end = head + 1 + head[0] + 1;
    environment_ = reinterpret_cast<char**>(end);
    while (*end != 0)
      ++end;
    auxiliary_ = reinterpret_cast<Auxiliary*>(end + 1);
  }

  [[nodiscard]] Word* head() const { return head_; }
  [[nodiscard]] std::size_t argumentCount() const { return head_[0]; }
  // Each ends with a null pointer.
  [[nodiscard]] char** arguments() const { return reinterpret_cast<char**>(head_ + 1); }
  [[nodiscard]] char** environment() const { return environment_; }
  [[nodiscard]] Auxiliary* auxiliary() const { return auxiliary_; }

  // The first entry of a type (AT_*), or null.
  [[nodiscard]] Auxiliary* find(Word type) const {
    for (Auxiliary* entry = auxiliary_; entry->type != AT_NULL; ++entry)
      if (entry->type == type) return entry;
    return nullptr;
  }

  [[nodiscard]] Word value(Word type, Word otherwise) const {
    const Auxiliary* entry = find(type);
    return entry == nullptr ? otherwise : entry->value;
  }

  // As it was passed to execve, for people to read.
  [[nodiscard]] Text program() const {
    if (const Word name = value(AT_EXECFN, 0); name != 0)
      return Text::of(reinterpret_cast<const char*>(name));
    if (argumentCount() > 0) return Text::of(arguments()[0]);
    return "a program";
  }

 private:
  Word* head_;
  char** environment_;
  Auxiliary* auxiliary_;
};

}  // namespace fixelf::shim
