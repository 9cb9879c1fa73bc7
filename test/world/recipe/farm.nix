# The libraries that NixOS's nix-ld module brings to a system, and the loader that starts programs with them, in
# share/nix-ld/lib.
{ loader, paths }:

derivation {
  name = "lb-library-path";
  inherit loader paths;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./make-farm ];
}
