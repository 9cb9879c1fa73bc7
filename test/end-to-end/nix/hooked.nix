# Derivations as packagers of foreign programs write them. `foreign` holds what the test has compiled; the others are
# trees as published by Debian and npm.
{
  libc,
  libraries,
  foreign,
  cpython,
  node,
  addon,
}:

let
  nixpkgs = import ./nixpkgs.nix { libc = builtins.storePath libc; };
  inherit (nixpkgs) fixelfHook stdenv stdenvNoCC;

  # The loaders of this world search no default directories, not even their own.
  keepLibc = [ "--keep-libc" ];
  common = {
    nativeBuildInputs = [ fixelfHook ];
    buildInputs = map builtins.storePath libraries ++ [ (builtins.storePath libc) ];
    autoPatchelfFlags = keepLibc;
  };

  outputs = common // {
    outputs = [
      "out"
      "lib"
      "debug"
    ];
    runtimeDependencies = [
      "/some/dep"
      "/some/other/dep"
    ];
    appendRunpaths = [ "/driver/lib" ];
    # After the hook's own --ignore-missing, which is for another library.
    autoPatchelfIgnoreMissingDeps = [ "libother.so" ];
    autoPatchelfFlags = keepLibc ++ [ "--ignore-missing=libgone.so.*" ];
    installPhase = ''
      mkdir -p "$out/bin" "$lib/lib" "$debug/lib/debug"
      cp ${foreign}/program ${foreign}/lacking "$out/bin"
      cp ${foreign}/libone.so.1 "$lib/lib"
      cp ${foreign}/program "$debug/lib/debug/program.debug"
    '';
  };
in
{
  outputs = stdenv.mkDerivation (outputs // { name = "outputs"; });
  structured = stdenv.mkDerivation (
    outputs
    // {
      name = "structured";
      __structuredAttrs = true;
      # In a single string this would be two words.
      runtimeDependencies = outputs.runtimeDependencies ++ [ "/some/dep with space" ];
    }
  );

  noCompiler = stdenvNoCC.mkDerivation (
    common
    // {
      name = "no-compiler";
      autoPatchelfIgnoreMissingDeps = true;
      installPhase = ''
        mkdir -p "$out/bin" "$out/lib"
        cp ${foreign}/program ${foreign}/lacking "$out/bin"
        cp ${foreign}/libone.so.1 "$out/lib"
      '';
    }
  );

  # A phase appends to a list that may be words in a string.
  relative = stdenv.mkDerivation (
    common
    // {
      name = "relative";
      installPhase = ''
        mkdir -p "$out/bin" "$out/lib"
        cp ${foreign}/program "$out/bin"
        cp ${foreign}/libone.so.1 "$out/lib"
        autoPatchelfFlags+=(--relativize-rpath)
      '';
      disallowedReferences = [ "out" ];
    }
  );

  # Extension modules as patchelf and auditwheel leave them: with zeros after the last segment.
  wheel = stdenv.mkDerivation (
    common
    // {
      name = "wheel";
      autoPatchelfIgnoreMissingDeps = [ "*" ];
      installPhase = ''
        cp -R ${cpython} "$out"
        chmod -R u+w "$out"
        for module in "$out"/usr/lib/python*/lib-dynload/*.so; do printf '\0' >>"$module"; done
      '';
    }
  );

  npm = stdenv.mkDerivation (
    common
    // {
      name = "npm";
      installPhase = ''
        mkdir -p "$out/bin" "$out/node_modules"
        cp ${node}/bin/node "$out/bin"
        cp -R ${addon} "$out/node_modules/utf-8-validate"
        chmod -R u+w "$out"
        mkdir "$out/node_modules/utf-8-validate/prebuilds/linux-arm64"
        cp ${foreign}/arm64.node "$out/node_modules/utf-8-validate/prebuilds/linux-arm64"
      '';
    }
  );

  # Names that a shell would split, two names for one file, a link that leads out, and libraries that a phase adds.
  odd = stdenv.mkDerivation (
    common
    // {
      name = "odd";
      appendRunpaths = "/one/lib /two/lib";
      runtimeDependencies = "";
      # Words in a string, one of which is a pattern of file names.
      autoPatchelfIgnoreMissingDeps = "libother.so libg*.so.1";
      installPhase = ''
        mkdir -p "$out/a program/bin" "$out/the libraries/deeper" more
        cp ${foreign}/program "$out/a program/bin/one"
        ln "$out/a program/bin/one" "$out/a program/bin/two"
        cp ${foreign}/lacking "$out/a program/bin"
        cp ${foreign}/libone.so.1 "$out/the libraries/deeper"
        ln -s ${foreign}/program "$out/outside"
        touch libgone.so.1
        autoPatchelfFlags+=(--ignore-existing)
        addAutoPatchelfSearchPath "$out/the libraries"
      '';
    }
  );

  shallow = stdenv.mkDerivation (
    common
    // {
      name = "shallow";
      dontAutoPatchelf = 1;
      installPhase = ''
        mkdir -p "$out/bin/deeper"
        cp ${foreign}/program "$out/bin"
        cp ${foreign}/program "$out/bin/deeper"
        mkdir -p "some libraries/deeper"
        cp ${foreign}/libone.so.1 "some libraries"
        cp ${foreign}/libgone.so.1 "some libraries/deeper"
        addAutoPatchelfSearchPath --no-recurse -- "some libraries"
        [[ ''${extraAutoPatchelfLibs[*]} == "some libraries" ]]
        autoPatchelf --no-recurse -- "$out/bin"
        ! autoPatchelf --unknown "$out"
      '';
    }
  );

  payload = stdenv.mkDerivation (
    common
    // {
      name = "payload";
      installPhase = ''
        mkdir -p "$out/bin"
        cp ${foreign}/payload "$out/bin"
      '';
    }
  );

  unpatched = stdenv.mkDerivation (
    common
    // {
      name = "unpatched";
      dontAutoPatchelf = true;
      installPhase = ''
        mkdir -p "$out/bin"
        cp ${foreign}/program "$out/bin"
      '';
    }
  );

  # Without any hook.
  command = stdenvNoCC.mkDerivation {
    name = "command";
    nativeBuildInputs = [ nixpkgs.fixelf-auto-patchelf ];
    installPhase = ''
      mkdir -p "$out/bin" "$out/lib"
      cp ${foreign}/program "$out/bin"
      cp ${foreign}/libone.so.1 "$out/lib"
      auto-patchelf --keep-libc --paths "$out" --libs ${builtins.storePath libc}/lib
    '';
  };
}
