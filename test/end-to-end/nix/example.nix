# The derivation of examples/, in this world: its loaders look nowhere by themselves.
{ libc, src }:

let
  nixpkgs = import ./nixpkgs.nix { libc = builtins.storePath libc; };
  stdenv = nixpkgs.stdenv // {
    mkDerivation =
      attributes:
      nixpkgs.stdenv.mkDerivation (attributes // { autoPatchelfFlags = [ "--keep-libc" ]; });
  };
in
import ../../../examples/foreign-program.nix {
  inherit stdenv src;
  inherit (nixpkgs) fixelfHook;
  libraries = [ (builtins.storePath libc) ];
}
