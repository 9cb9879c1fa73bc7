# The setup hook, with nixpkgs: nativeBuildInputs = [ fixelfHook ];
{
  lib,
  bintools,
  fixelf,
  fixelf-auto-patchelf,
  makeSetupHook,
}:

makeSetupHook {
  name = "fixelf-hook";
  propagatedBuildInputs = [
    fixelf-auto-patchelf
    # For what stdenv and derivations do by patchelf: it comes before stdenv's own in the PATH.
    fixelf.patchelf
    # It says which loader and libc there are, also where no compiler has brought it: stdenvNoCC.
    bintools
  ];
  substitutions.fixelf = lib.getExe fixelf;
  meta = {
    description = "Patches the programs and libraries of a build, in the place of autoPatchelfHook";
    inherit (fixelf.meta) license platforms;
  };
} ./hook.sh
