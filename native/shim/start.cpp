// The whole of it, in order. The kernel has mapped the program, and us as its interpreter
// (PT_INTERP), and has jumped to _start, which comes here.
#include "choice.hpp"
#include "debugger.hpp"
#include "direct.hpp"
#include "handover.hpp"
#include "library_path.hpp"
#include "log.hpp"
#include "message.hpp"
#include "missing_library.hpp"
#include "program.hpp"
#include "stack.hpp"
#include "variables.hpp"

extern "C" [[noreturn]] void fixelfStart(fixelf::shim::Word* head);

void fixelfStart(fixelf::shim::Word* head) {
  using namespace fixelf::shim;
  const Stack stack(head);

  // A program with more rights than the user that started it (setuid, file capabilities) does not
  // let that user choose its code. The real loader then ignores LD_LIBRARY_PATH, ours too.
  const bool secure = stack.value(AT_SECURE, 0) != 0;
  const Variables given = readVariables(stack.environment());
  const Variables variables = secure ? Variables() : given;
  setLevel(variables.log);
  if (secure && (given.loader.isSet() || given.libraryPath.isSet()))
    log(Level::Warn, stack.program(),
        " runs with other rights than the user that starts it, so that ",
        given.loader.isSet() ? given.loader.name : given.libraryPath.name, " does not count");

  const Word pageSize = stack.value(AT_PAGESZ, 0);
  if (pageSize == 0 || (pageSize & (pageSize - 1)) != 0)
    refuseWithout(stack.program(), "the size of a page (AT_PAGESZ)");

  // The kernel reports where it mapped an interpreter: nowhere, if it mapped none.
  const Auxiliary* base = stack.find(AT_BASE);
  if (base == nullptr) refuseWithout(stack.program(), "the loader's place (AT_BASE)");
  const bool isStarted = base->value == 0;  // ourselves, by hand
  const Program program = isStarted ? Program() : Program(stack);

  Choice choice;
  choice.secure = secure;
  LoaderFile file(pageSize);
  Problem problem = openLoader(variables, program, file, choice);
  if (isStarted) runDirectly(stack, variables, choice, problem);

  Mapping loader;
  if (problem.isNone()) problem = file.map(loader);
  if (!problem.isNone()) refuse(stack.program(), choice, problem);
  leadDebuggerHere(file);
  char* libraryPath = secure ? nullptr : libraryPathEntry(variables);
  if (!secure) tellOfMissingLibrary(stack, program, choice, variables, libraryPath);
  handOver(stack, variables, libraryPath, loader);
}
