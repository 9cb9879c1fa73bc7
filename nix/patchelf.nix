# fixelf-patchelf as `patchelf`, a program without Node: docs/patchelf.md. It can be pkgs.patchelf in an overlay.
{
  lib,
  stdenv,
  cmake,
  ninja,
}:

stdenv.mkDerivation {
  pname = "fixelf-patchelf";
  inherit (lib.importJSON ../package.json) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../CMakeLists.txt
      ../native
      ../package.json
      ../third_party
    ];
  };

  nativeBuildInputs = [
    cmake
    ninja
  ];
  # It is linked statically where there is a static libc.
  buildInputs = lib.optionals stdenv.hostPlatform.isGnu [ stdenv.cc.libc.static ];
  strictDeps = true;
  cmakeFlags = [ (lib.cmakeBool "FIXELF_TESTS" false) ];
  ninjaFlags = [ "fixelf-patchelf" ];

  # CMakeLists.txt hardens it.
  hardeningDisable = [ "all" ];
  # patchelf may be this program.
  dontPatchELF = true;

  installPhase = ''
    runHook preInstall
    install -D fixelf-patchelf "$out/bin/patchelf"
    runHook postInstall
  '';

  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    "$out/bin/patchelf" --version
    runHook postInstallCheck
  '';

  meta = {
    description = "Changes ELF files as patchelf does, without ever leaving a broken one";
    license = lib.licenses.mit;
    mainProgram = "patchelf";
    platforms = lib.platforms.linux;
  };
}
