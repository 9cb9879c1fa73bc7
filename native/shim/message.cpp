#include "message.hpp"

#include <asm/errno.h>

#include "log.hpp"
#include "machine.hpp"
#include "places.hpp"
#include "system.hpp"

namespace fixelf::shim {

namespace {

Line& operator<<(Line& line, const Problem& problem) {
  switch (problem.error) {
    case EACCES:
      return line << "permission denied";
    case EIO:
      return line << "input/output error";
    case EISDIR:
      return line << "it is a directory";
    case ELOOP:
      return line << "too many symbolic links";
    case EMFILE:
    case ENFILE:
      return line << "too many open files";
    case ENAMETOOLONG:
      return line << "the name is too long";
    case ENODATA:
      return line << "it has become shorter";
    case ENODEV:
      return line << "it is not a regular file";
    case ENOMEM:
      return line << "there is not enough memory";
    case EPERM:
      return line << "its file system does not allow programs (noexec)";
    case ESPIPE:
      return line << "it is not a regular file";
    default:
      return line << "error " << static_cast<unsigned>(problem.error);
  }
}

void sayMachine(Line& line, unsigned machine) {
  switch (machine) {
    case EM_386:
      line << "i386";
      break;
    case EM_X86_64:
      line << "x86-64";
      break;
    case EM_ARM:
      line << "ARM";
      break;
    case EM_AARCH64:
      line << "AArch64";
      break;
    case EM_RISCV:
      line << "RISC-V of another kind";
      break;
    default:
      line << "another machine (" << machine << ")";
      break;
  }
}

void sayFlaw(Line& line, const Problem& problem) {
  switch (problem.flaw) {
    case Flaw::None:
      break;
    case Flaw::NotThere:
      line << "is not there";
      break;
    case Flaw::Unreadable:
      line << "cannot be read (" << problem << ")";
      break;
    case Flaw::NotElf:
      line << "is not an ELF file";
      break;
    case Flaw::OtherMachine:
      line << "is for ";
      sayMachine(line, problem.machine);
      line << ", but the program is for " << kMachineName;
      break;
    case Flaw::NotALoader:
      line << "is not a loader";
      break;
    case Flaw::StandIn:
      line << "is a stand-in loader itself";
      break;
    case Flaw::OtherLibc:
      line << "is glibc's, and the program is for musl";
      break;
    case Flaw::Damaged:
      line << "is damaged: " << problem.detail;
      break;
    case Flaw::Unmappable:
      line << "cannot be mapped (" << problem << ")";
      break;
  }
}

}  // namespace

void refuse(Text program, const Choice& choice, const Problem& problem) {
  {
    Line line;
    line << "cannot start " << program << ": ";
    if (choice.secure) {
      // The variables that would otherwise help do not count.
      line << "it runs with other rights than the user that starts it, so that no variable "
           << "counts, and the default loader " << Text::of(choice.path) << " ";
      sayFlaw(line, problem);
      line << "; mend the program with `fixelf fix " << ShellWord{program} << "`";
    } else if (choice.variable.empty() && problem.flaw == Flaw::NotThere) {
      line << "no variable names a loader, and neither " << kFarmLoader << " nor " << kNixLdLoader
           << " is there; set NIX_LD to one that `fixelf loaders` lists, or mend the program with "
           << "`fixelf fix " << ShellWord{program} << "`";
    } else {
      if (choice.variable.empty()) {
        line << "the default loader " << Text::of(choice.path) << " ";
      } else {
        line << choice.variable << " names " << Text::of(choice.path) << ", which ";
      }
      sayFlaw(line, problem);
      if (problem.flaw == Flaw::OtherLibc) {
        line << "; set NIX_LD_" << kNixSystem
             << " to musl's, which `fixelf loaders` lists, or mend "
             << "the program with `fixelf fix " << ShellWord{program} << "`";
      } else if (problem.flaw == Flaw::OtherMachine || choice.variable.empty()) {
        line << "; set NIX_LD_" << kNixSystem << " to one that `fixelf loaders` lists for "
             << kMachineName;
      } else {
        line << "; set " << choice.variable << " to one that `fixelf loaders` lists, or unset it";
      }
    }
  }
  leave(kNotStarted);
}

void refuseWithout(Text program, Text missing) {
  log(Level::Off, "cannot start ", program, ": the kernel has not passed ", missing,
      "; mend the program with `fixelf fix ", ShellWord{program}, "`");
  leave(kNotStarted);
}

}  // namespace fixelf::shim
