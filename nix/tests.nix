# What is tested of the package built with nixpkgs: its passthru.tests, and the flake's checks.
{
  bintools,
  callPackage,
  fixelf,
  stdenv,
  stdenvNoCC,
  testers,
}:

let
  hook = callPackage ./hook.nix {
    inherit fixelf;
    fixelf-auto-patchelf = callPackage ./auto-patchelf.nix { inherit fixelf; };
  };

  # A program made by another system's linker, with its library beside it.
  foreign = stdenv.mkDerivation {
    name = "fixelf-foreign-program";
    dontUnpack = true;
    buildPhase = ''
      runHook preBuild
      echo 'int one(void) { return 1; }' >one.c
      echo 'int one(void); int main(void) { return one() - 1; }' >program.c
      $CC -g -shared -fPIC -Wl,-soname,libone.so.1 one.c -o libone.so.1
      $CC -g program.c libone.so.1 -Wl,--dynamic-linker=/lib/ld-nowhere.so.1 -o program
      runHook postBuild
    '';
    installPhase = ''
      runHook preInstall
      install -D -t "$out/bin" program
      install -D -t "$out/lib" libone.so.1
      runHook postInstall
    '';
    # It is to stay as it was linked.
    dontFixup = true;
  };

  hooked =
    name: builder: attributes:
    builder.mkDerivation (
      {
        name = "fixelf-hook-${name}";
        nativeBuildInputs = [ hook ];
        dontUnpack = true;
        # stdenv's own steps would change files too.
        dontStrip = true;
        dontPatchELF = true;
        installPhase = ''
          runHook preInstall
          mkdir "$out"
          cp -R ${foreign}/. "$out"
          chmod -R u+w "$out"
          runHook postInstall
        '';
        doInstallCheck = true;
        installCheckPhase = ''
          runHook preInstallCheck
          "$out/bin/program"
          runHook postInstallCheck
        '';
      }
      // attributes
    );

  outputs = {
    outputs = [
      "out"
      "lib"
      "debug"
    ];
    # What separateDebugInfo puts there refers to the files as they were.
    postInstall = ''
      mkdir -p "$lib" "$debug/lib/debug"
      mv "$out/lib" "$lib/lib"
      cp "$out/bin/program" "$debug/lib/debug"
    '';
    postInstallCheck = ''
      cmp ${foreign}/bin/program "$debug/lib/debug/program"
    '';
  };
in
{
  version = testers.testVersion { package = fixelf; };

  outputs = hooked "outputs" stdenv outputs;
  structured-attributes = hooked "structured-attributes" stdenv (
    outputs // { __structuredAttrs = true; }
  );
  no-compiler = hooked "no-compiler" stdenvNoCC { };

  # The tree can be moved, and its paths are not in it.
  relative = hooked "relative" stdenv {
    autoPatchelfFlags = [ "--relativize-rpath" ];
    postInstallCheck = ''
      cp -R "$out" moved
      moved/bin/program
    '';
    disallowedReferences = [
      "out"
      foreign
    ];
  };

  default-bintools = stdenvNoCC.mkDerivation {
    name = "fixelf-auto-patchelf-default-bintools";
    nativeBuildInputs = [ (callPackage ./auto-patchelf.nix { inherit fixelf; }) ];
    dontUnpack = true;
    installPhase = ''
      runHook preInstall
      install -D ${foreign}/bin/program "$out/program"
      auto-patchelf --paths "$out" --libs ${foreign}/lib
      "$out/program"
      grep -q "$(cat ${bintools}/nix-support/dynamic-linker)" "$out/program"
      runHook postInstall
    '';
  };
}
