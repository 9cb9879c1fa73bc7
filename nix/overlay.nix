# fixelf, its setup hook, and its auto-patchelf and patchelf, as an overlay of nixpkgs.
final: _previous: {
  fixelf = final.callPackage ./package.nix { };
  fixelf-auto-patchelf = final.callPackage ./auto-patchelf.nix { };
  fixelf-patchelf = final.fixelf.patchelf;
  fixelfHook = final.callPackage ./hook.nix { };
}
