# The stand-in loader for the machine of this stdenv: docs/stand-in-loader.md.
{
  lib,
  stdenv,
  cmake,
  ninja,
}:

stdenv.mkDerivation {
  pname = "fixelf-ld";
  inherit (lib.importJSON ../package.json) version;

  src = ../native/shim;

  nativeBuildInputs = [
    cmake
    ninja
  ];
  strictDeps = true;
  cmakeFlags = [ (lib.cmakeFeature "FIXELF_SHIM_MACHINE" stdenv.hostPlatform.parsed.cpu.name) ];

  # It runs before there is a C library, which most of what hardening adds would call.
  hardeningDisable = [ "all" ];
  # It has no search path, and nothing left to strip.
  dontPatchELF = true;
  dontStrip = true;

  installPhase = ''
    runHook preInstall
    install -D -t "$out/libexec" fixelf-ld
    runHook postInstall
  '';

  meta = {
    description = "Stand-in for the dynamic loader, which starts foreign programs with a loader of the store";
    license = lib.licenses.mit;
    platforms = [
      "x86_64-linux"
      "i686-linux"
      "aarch64-linux"
      "armv7l-linux"
      "riscv64-linux"
    ];
  };
}
