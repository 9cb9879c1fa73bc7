#include "direct.hpp"

#include <linux/mman.h>

#include "library_path.hpp"
#include "log.hpp"
#include "message.hpp"
#include "system.hpp"

namespace fixelf::shim {

void runDirectly(const Stack& stack, const Variables& variables, const Choice& choice,
                 const Problem& problem) {
  if (stack.argumentCount() < 2) {
    log(Level::Off,
        "this stands in for the loader of programs that were not built for NixOS, and is started "
        "by "
        "the kernel; `fixelf-ld PROGRAM` starts one by hand");
    leave(kNotStarted);
  }
  char** arguments = stack.arguments();
  if (!problem.isNone()) refuse(Text::of(arguments[1]), choice, problem);

  const std::size_t count = stack.argumentCount();
  const std::uintptr_t memory = mapAnonymous((count + 3) * sizeof(char*), PROT_READ | PROT_WRITE);
  if (isError(memory)) refuseWithout(Text::of(arguments[1]), "enough memory");
  auto* passed = reinterpret_cast<const char**>(memory);
  *passed++ = arguments[0];
  // Options that follow win over it, in glibc's loader and in musl's.
  if (const char* entry = libraryPathEntry(variables); entry != nullptr) {
    *passed++ = "--library-path";
    *passed++ = entry + sizeof kLibraryPathPrefix - 1;
  }
  for (std::size_t index = 1; index < count; ++index)
    *passed++ = arguments[index];

  Problem failure;
  failure.flaw = Flaw::Unmappable;
  failure.error = static_cast<int>(
      -execute(choice.path, reinterpret_cast<const char* const*>(memory), stack.environment()));
  refuse(Text::of(arguments[1]), choice, failure);
}

}  // namespace fixelf::shim
