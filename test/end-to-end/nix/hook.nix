# A derivation as stdenv would build it, as far as the setup hook can tell.
{
  name,
  hook,
  fixelf,
  program,
  inputs,
  libc,
  dontAutoPatchelf ? "",
}:

derivation {
  inherit
    name
    hook
    fixelf
    program
    dontAutoPatchelf
    ;
  inputs = map builtins.storePath inputs;
  libc = builtins.storePath libc;
  system = builtins.currentSystem;
  builder = "/run/current-system/sw/bin/bash";
  args = [ ./hook.sh ];
  PATH = "/run/current-system/sw/bin:/harness-bin:/bin";
  preferLocalBuild = true;

  # The loader of this world looks nowhere by itself, not even beside itself.
  autoPatchelfFlags = [ "--keep-libc" ];
}
