# fixelf from its source, with nixpkgs: pkgs.callPackage ./nix/package.nix { }
{
  lib,
  buildNpmPackage,
  cmake,
  importNpmLock,
  ninja,
  nodejs,
  runtimeShell,
  stdenv,
}:

buildNpmPackage {
  pname = "fixelf";
  inherit (lib.importJSON ../package.json) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference (lib.fileset.gitTracked ../.) (
      lib.fileset.unions [
        ../benchmarks
        ../test
      ]
    );
  };

  # The lock file says what each package is, so there is no hash to keep up to date here.
  npmDeps = importNpmLock { npmRoot = ../.; };
  inherit (importNpmLock) npmConfigHook;

  nativeBuildInputs = [
    cmake
    ninja
  ];
  # cmake-js configures; CMake's own hook would do it beforehand and elsewhere.
  dontUseCmakeConfigure = true;

  # prepare would build before its turn.
  npmFlags = [ "--ignore-scripts" ];
  # cmake-js fetches Node's headers where it is not told of any.
  env.npm_config_nodedir = nodejs;

  buildPhase = ''
    runHook preBuild
    npm run build:native
    npm run build:shim
    npm run build:ts
    runHook postBuild
  '';

  installPhase = ''
    runHook preInstall
    npm prune --omit=dev --ignore-scripts
    package=$(mktemp -d)
    cp -R dist docs nix node_modules package.json share third_party "$package"
    # Where node-gyp-build looks in a package.
    addon=$package/prebuilds/linux-${stdenv.hostPlatform.node.arch}
    mkdir -p "$addon"
    cp build/Release/fixelf.node "$addon/fixelf.napi.node"
    cp -R prebuilds/fixelf-ld "$package/prebuilds"
    package=$package node=${lib.getExe nodejs} shell=${runtimeShell} system=${stdenv.hostPlatform.system} \
      ${runtimeShell} nix/install.sh
    runHook postInstall
  '';

  meta = {
    description = "Makes Linux programs that were built outside Nix run on NixOS";
    license = lib.licenses.mit;
    mainProgram = "fixelf";
    platforms = lib.platforms.linux;
  };
}
