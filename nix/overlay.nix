# fixelf and its setup hook, as an overlay of nixpkgs.
final: _previous: {
  fixelf = final.callPackage ./package.nix { };
  fixelfHook = final.callPackage ./hook.nix { };
}
