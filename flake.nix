{
  description = "Makes Linux programs that were built outside Nix run on NixOS";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAll =
        make:
        nixpkgs.lib.genAttrs systems (
          system: make (nixpkgs.legacyPackages.${system}.extend self.overlays.default)
        );
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = forAll (pkgs: {
        inherit (pkgs)
          fixelf
          fixelf-auto-patchelf
          fixelf-patchelf
          fixelfHook
          ;
        default = pkgs.fixelf;
      });

      checks = forAll (pkgs: { inherit (pkgs) fixelf; } // pkgs.fixelf.tests);

      nixosModules.default = {
        imports = [ ./nix/module.nix ];
        nixpkgs.overlays = [ self.overlays.default ];
      };
    };
}
