# The setup hook, with nixpkgs: nativeBuildInputs = [ fixelfHook ];
{
  lib,
  makeSetupHook,
  fixelf,
}:

makeSetupHook {
  name = "fixelf-hook";
  substitutions.fixelf = lib.getExe fixelf;
} ./hook.sh
