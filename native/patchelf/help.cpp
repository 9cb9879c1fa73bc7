#include "patchelf/help.hpp"

namespace fixelf::patchelf {

const std::string_view kHelp = R"(syntax: patchelf [OPTION]... FILENAME...

Prints or changes what ELF files say of themselves. Most values may be @FILE: the content of FILE.

  --print-interpreter
  --set-interpreter FILENAME       the loader, PT_INTERP
  --print-os-abi
  --set-os-abi ABI                 EI_OSABI: "System V", Linux, FreeBSD, ...
  --print-soname
  --set-soname SONAME              DT_SONAME, of libraries
  --print-rpath
  --set-rpath RPATH                DT_RUNPATH, or DT_RPATH with --force-rpath
  --add-rpath RPATH                behind what is there
  --remove-rpath
  --shrink-rpath                   keep only directories that hold a needed library
  --allowed-rpath-prefixes PREFIXES
                                   with --shrink-rpath: and start with one of these
  --force-rpath                    DT_RPATH instead of DT_RUNPATH
  --print-needed
  --add-needed LIBRARY
  --remove-needed LIBRARY
  --replace-needed LIBRARY NEW_LIBRARY
  --no-default-lib                 DF_1_NODEFLIB: never search the default directories
  --clear-symbol-version SYMBOL
  --rename-dynamic-symbols NAME_MAP_FILE
                                   an old and a new name on each line
  --add-debug-tag                  DT_DEBUG
  --build-resolution-cache         note where needed libraries lie, for nixpkgs' glibc
  --print-execstack
  --clear-execstack
  --set-execstack
  --page-size SIZE                 least alignment of an appended segment, in bytes
  --output FILE                    leave the file alone and write to FILE
  --no-clobber-old-sections        leave texts where they were, for programs that look there
  --no-sort                        taken and without effect
  --no-flush                       don't wait for the disk; so does PATCHELF_NO_FLUSH. A power failure
                                   may then leave a damaged file, as with other patchelfs
  --debug                          say what is done; so does PATCHELF_DEBUG
  --version
  --help, -h
)";

}  // namespace fixelf::patchelf
