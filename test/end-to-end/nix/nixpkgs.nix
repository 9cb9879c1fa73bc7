# What nix/hook.nix and derivations with the hook use of nixpkgs, made from this world's tools.
{
  libc,
  shell ? "/run/current-system/sw/bin/bash",
  path ? "/run/current-system/sw/bin:/harness-bin:/bin",
}:

let
  build =
    name: script: attributes:
    derivation (
      {
        inherit name;
        system = builtins.currentSystem;
        builder = shell;
        args = [
          "-euc"
          script
        ];
        PATH = path;
        preferLocalBuild = true;
      }
      // attributes
    );

  # The name of what runs there is fixelf's.
  lib.getExe = package: "${package}/bin/fixelf";

  writeShellScriptBin =
    name: text:
    build name ''mkdir -p "$out/bin" && printf '#!%s\n%s' "$shell" "$text" >"$out/bin/$name" && chmod +x "$out/bin/$name"'' {
      inherit shell text;
    };

  makeSetupHook =
    {
      name,
      propagatedBuildInputs ? [ ],
      substitutions ? { },
      meta ? { },
    }:
    file:
    build name
      ''
        mkdir -p "$out/nix-support"
        echo "$propagated" >"$out/nix-support/propagated-build-inputs"
        content=$(<"$file")
        for each in $names; do content=''${content//"@$each@"/"''${!each}"}; done
        printf '%s\n' "$content" >"$out/nix-support/setup-hook"
      ''
      (
        {
          inherit file;
          propagated = propagatedBuildInputs;
          names = builtins.attrNames substitutions;
        }
        // substitutions
      );

  # bintools-wrapper, as far as auto-patchelf reads it.
  bintools =
    build "bintools-wrapper"
      ''
        mkdir -p "$out/nix-support"
        echo "$libc/lib/ld-linux-x86-64.so.2" >"$out/nix-support/dynamic-linker"
        echo "$libc" >"$out/nix-support/orig-libc"
        echo "export NIX_BINTOOLS=$out" >"$out/nix-support/setup-hook"
      ''
      { inherit libc; };

  mkDerivation =
    defaultNativeBuildInputs: attributes:
    derivation (
      {
        inherit defaultNativeBuildInputs;
        system = builtins.currentSystem;
        builder = shell;
        args = [ ./stdenv.sh ];
        initialPath = path;
        preferLocalBuild = true;
      }
      // attributes
    );

  fixelf = writeShellScriptBin "fixelf" ''exec /harness-bin/fixelf "$@"'' // {
    patchelf = writeShellScriptBin "patchelf" ''exec /harness-bin/fixelf patchelf "$@"'';
    meta = {
      license = null;
      platforms = null;
    };
  };
  fixelf-auto-patchelf = import ../../../nix/auto-patchelf.nix {
    inherit
      lib
      bintools
      fixelf
      writeShellScriptBin
      ;
  };
in
{
  inherit fixelf-auto-patchelf;
  fixelfHook = import ../../../nix/hook.nix {
    inherit
      lib
      bintools
      fixelf
      fixelf-auto-patchelf
      makeSetupHook
      ;
  };
  # A compiler brings its bintools along.
  stdenv.mkDerivation = mkDerivation [ bintools ];
  stdenvNoCC.mkDerivation = mkDerivation [ ];
}
