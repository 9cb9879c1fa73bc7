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
    # For what stdenv and derivations do with patchelf: it comes before stdenv's own on the PATH.
    fixelf.patchelf
    # These name the loader and libc, even where no compiler has brought them in: stdenvNoCC.
    bintools
  ];
  substitutions.fixelf = lib.getExe fixelf;
  meta = {
    description = "Patches the programs and libraries of a build, in the place of autoPatchelfHook";
    inherit (fixelf.meta) license platforms;
  };
} ./hook.sh
