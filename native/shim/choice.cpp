#include "choice.hpp"

#include "log.hpp"
#include "path.hpp"
#include "places.hpp"

namespace fixelf::shim {

namespace {

// A directory's own loader for musl, under the name by which the program refers to it. The path
// must outlive the call.
bool openOfMusl(Text directory, const Program& program, LoaderFile& file, Choice& choice) {
  static Path path;
  path = Path();
  path << directory << "/" << program.interpreterName();
  if (!path.fits() || !program.interpreterName().startsWith("ld-musl-")) return false;
  choice.path = path.get();
  return file.open(choice.path).isNone();
}

}  // namespace

Problem openLoader(const Variables& variables, const Program& program, LoaderFile& file,
                   Choice& choice) {
  // An empty variable counts as unset, as in nix-ld.
  if (!variables.loader.value.empty()) {
    choice.path = variables.loader.value.data;
    choice.variable = variables.loader.name;
    log(Level::Info, choice.variable, " names the loader ", Text::of(choice.path));
    const Problem problem = file.open(choice.path);
    if (problem.isNone() && program.isMusl() && file.isOfGlibc())
      log(Level::Warn, choice.variable, " names ", Text::of(choice.path),
          ", which is glibc's loader, and the program is for musl");
    return problem;
  }

  if (program.isMusl() &&
      (openOfMusl(kFarm, program, file, choice) || openOfMusl(kNixLd, program, file, choice))) {
    log(Level::Info, "the loader is the default for musl, ", Text::of(choice.path));
    return {};
  }
  choice.path = static_cast<const char*>(kFarmLoader);
  Problem problem = file.open(choice.path);
  if (problem.flaw == Flaw::NotThere || problem.flaw == Flaw::OtherMachine) {
    const Problem ofFarm = problem;
    problem = file.open(static_cast<const char*>(kNixLdLoader));
    // If there is none either, it is better to report a farm for another machine.
    if (problem.flaw != Flaw::NotThere || ofFarm.flaw == Flaw::NotThere)
      choice.path = static_cast<const char*>(kNixLdLoader);
    else
      problem = ofFarm;
  }
  if (problem.isNone() && program.isMusl() && file.isOfGlibc()) problem.flaw = Flaw::OtherLibc;
  if (problem.isNone()) log(Level::Info, "the loader is the default, ", Text::of(choice.path));
  return problem;
}

}  // namespace fixelf::shim
