# fixelf from source, with nixpkgs: pkgs.callPackage ./nix/package.nix { }
{
  lib,
  buildNpmPackage,
  callPackage,
  callPackages,
  cmake,
  importNpmLock,
  ninja,
  nodejs,
  pkgsi686Linux,
  runtimeShell,
  stdenv,
}:

let
  inherit (stdenv) hostPlatform;

  patchelf = callPackage ./patchelf.nix { };

  # By Nix's names of the machines whose programs run here. module.nix puts the second one where
  # 32-bit programs look for their loader.
  standIns = {
    ${hostPlatform.system} = callPackage ./stand-in.nix { };
  }
  // lib.optionalAttrs hostPlatform.isx86_64 {
    i686-linux = pkgsi686Linux.callPackage ./stand-in.nix { };
  };
in

buildNpmPackage (finalAttrs: {
  pname = "fixelf";
  inherit (lib.importJSON ../package.json) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../CMakeLists.txt
      ../docs
      ../lib
      ../native
      ../nix/install.sh
      ../nix/scan.nix
      ../package-lock.json
      ../package.json
      ../rolldown.config.mjs
      ../share
      ../third_party
      ../tsconfig.json
    ];
  };

  # The lock file has the hash of each package, so there is none to keep up to date here.
  npmDeps = importNpmLock { npmRoot = ../.; };
  inherit (importNpmLock) npmConfigHook;

  nativeBuildInputs = [
    cmake
    ninja
  ];
  # cmake-js configures; CMake's own hook would do so earlier and elsewhere.
  dontUseCmakeConfigure = true;

  # CMakeLists.txt hardens each part as it needs. One runs before there is a C library.
  hardeningDisable = [ "all" ];

  # `prepare` would build too early.
  npmFlags = [ "--ignore-scripts" ];

  buildPhase = ''
    runHook preBuild
    npm run build:native -- --target fixelf_addon
    npm run build:ts
    runHook postBuild
  '';

  installPhase = ''
    runHook preInstall
    npm prune --omit=dev --no-save $npmFlags
    find node_modules -type d -empty -delete
    # It names the archives of all packages, which would be kept along with this one.
    rm -f node_modules/.package-lock.json
    package=$(mktemp -d)
    cp -R dist docs nix node_modules package.json share third_party "$package"
    # Where node-gyp-build looks inside a package.
    install -D build/Release/fixelf.node "$package/prebuilds/linux-${hostPlatform.node.arch}/fixelf.napi.node"
    install -D ${lib.getExe patchelf} "$package/prebuilds/fixelf-patchelf/${hostPlatform.system}/fixelf-patchelf"
  ''
  + lib.concatStrings (
    lib.mapAttrsToList (system: standIn: ''
      install -D -t "$package/prebuilds/fixelf-ld/${system}" ${standIn}/libexec/fixelf-ld
    '') standIns
  )
  + ''
    package=$package node=${lib.getExe nodejs} shell=${runtimeShell} system=${hostPlatform.system} \
      ${runtimeShell} nix/install.sh
    runHook postInstall
  '';

  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    for each in "$out"/libexec/*; do "$out/bin/fixelf" inspect "$each"; done
    "$("$out/bin/fixelf" path patchelf)" --version
    runHook postInstallCheck
  '';

  passthru = {
    inherit patchelf standIns;
    tests = callPackages ./tests.nix { fixelf = finalAttrs.finalPackage; };
  };

  meta = {
    description = "Makes Linux programs that were built outside Nix run on NixOS";
    license = lib.licenses.mit;
    mainProgram = "fixelf";
    platforms = lib.platforms.linux;
  };
})
