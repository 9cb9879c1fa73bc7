# nixpkgs' command of that name, by fixelf. Where no setup hook has said which loader and libc to patch for,
# it is the ones of these bintools.
{
  lib,
  bintools,
  fixelf,
  writeShellScriptBin,
}:

writeShellScriptBin "auto-patchelf" ''
  export NIX_BINTOOLS="''${NIX_BINTOOLS-${bintools}}"
  exec ${lib.getExe fixelf} auto-patchelf "$@"
''
