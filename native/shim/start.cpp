// The whole of it, in order. The program has been mapped, and so have we, as its interpreter
// (PT_INTERP); the kernel has jumped to _start, which comes here.
#include "choice.hpp"
#include "direct.hpp"
#include "handover.hpp"
#include "library_path.hpp"
#include "log.hpp"
#include "message.hpp"
#include "missing_library.hpp"
#include "stack.hpp"
#include "variables.hpp"

extern "C" [[noreturn]] void fixelfStart(fixelf::shim::Word* head);

void fixelfStart(fixelf::shim::Word* head) {
  using namespace fixelf::shim;
  const Stack stack(head);

  // A program with more rights than who started it (setuid, file capabilities) is not told by him
  // which code to run. The real loader then ignores LD_LIBRARY_PATH, ours too.
  const bool secure = stack.value(AT_SECURE, 0) != 0;
  const Variables variables = secure ? Variables() : readVariables(stack.environment());
  setLevel(variables.log);
  if (secure) log(Level::Info, "in secure mode the environment is not believed");

  const Word pageSize = stack.value(AT_PAGESZ, 0);
  if (pageSize == 0 || (pageSize & (pageSize - 1)) != 0)
    refuseWithout(stack.program(), "the size of a page (AT_PAGESZ)");

  Choice choice;
  LoaderFile file(pageSize);
  Problem problem = openLoader(variables, file, choice);

  // The kernel says where it mapped an interpreter: nowhere, if it mapped none.
  const Auxiliary* base = stack.find(AT_BASE);
  if (base == nullptr) refuseWithout(stack.program(), "the loader's place (AT_BASE)");
  if (base->value == 0) runDirectly(stack, variables, choice, problem);

  Mapping loader;
  if (problem.isNone()) problem = file.map(loader);
  if (!problem.isNone()) refuse(stack.program(), choice, problem);
  char* libraryPath = secure ? nullptr : libraryPathEntry(variables);
  if (!secure) tellOfMissingLibrary(stack, choice, libraryPath);
  handOver(stack, variables, libraryPath, loader);
}
