# Replaces nixpkgs for this project's flake: as much of each package as its outputs name, with nothing to build it from.
{
  outputs =
    { self }:
    let
      lib = {
        genAttrs =
          names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
        importJSON = file: builtins.fromJSON (builtins.readFile file);
        licenses.mit = null;
        platforms.linux = [ ];
      };

      package = attributes: {
        type = "derivation";
        name = attributes.name or "${attributes.pname}-${attributes.version}";
      } // attributes // (attributes.passthru or { });

      builders = system: {
        inherit lib;
        stdenv = {
          hostPlatform = { inherit system; };
          mkDerivation = package;
        };
        stdenvNoCC.mkDerivation = package;
        testers.testVersion = { package }: { type = "derivation"; name = "${package.name}-version"; };
        makeSetupHook = attributes: _file: package attributes;
        writeShellScriptBin = name: _text: package { inherit name; };
        buildNpmPackage =
          attributesOf:
          let
            finalPackage = package (attributesOf { inherit finalPackage; });
          in
          finalPackage;
        importNpmLock = { npmConfigHook = null; __functor = _self: _: null; };
      };

      packagesWith =
        system: overlays:
        let
          own = builders system // {
            callPackage =
              file: given:
              let
                function = import file;
                wanted = builtins.functionArgs function;
                absent = builtins.mapAttrs (name: _: throw "there is no ${name} here") wanted;
              in
              function (absent // builtins.intersectAttrs wanted all // given);
            callPackages = all.callPackage;
            extend = overlay: packagesWith system (overlays ++ [ overlay ]);
          };
          all = builtins.foldl' (before: overlay: before // overlay all before) own overlays;
        in
        all;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: packagesWith system [ ]);
    };
}
