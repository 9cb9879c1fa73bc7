#include "choice.hpp"

#include "log.hpp"
#include "places.hpp"

namespace fixelf::shim {

Problem openLoader(const Variables& variables, LoaderFile& file, Choice& choice) {
  // An empty variable is as good as none, in nix-ld too.
  if (!variables.loader.value.empty()) {
    choice = {variables.loader.value.data, variables.loader.name};
    log(Level::Info, choice.variable, " names the loader ", Text::of(choice.path));
    return file.open(choice.path);
  }

  choice = {static_cast<const char*>(kFarmLoader), {}};
  Problem problem = file.open(choice.path);
  if (problem.flaw == Flaw::NotThere || problem.flaw == Flaw::OtherMachine) {
    const Problem ofFarm = problem;
    problem = file.open(static_cast<const char*>(kNixLdLoader));
    // Where there is none either, a farm of another machine is the better thing to tell of.
    if (problem.flaw != Flaw::NotThere || ofFarm.flaw == Flaw::NotThere)
      choice.path = static_cast<const char*>(kNixLdLoader);
    else
      problem = ofFarm;
  }
  if (problem.isNone()) log(Level::Info, "the loader is the default, ", Text::of(choice.path));
  return problem;
}

}  // namespace fixelf::shim
