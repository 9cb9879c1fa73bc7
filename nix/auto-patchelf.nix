# fixelf in the place of nixpkgs' command of that name. Unless a setup hook has named the loader and libc to patch for,
# those of these bintools are used.
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
