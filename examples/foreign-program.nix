# A package of a program that was built elsewhere. The hook gives the installed files the loader and the libraries of
# nixpkgs, and fails the build if a library cannot be found.
#
#     pkgs.callPackage ./foreign-program.nix { src = ./program-1.0; libraries = [ pkgs.zlib ]; }
{
  stdenv,
  fixelfHook,
  # A directory with bin/ and lib/, as upstream publishes it.
  src,
  # Packages with libraries that it needs and does not bring.
  libraries ? [ ],
}:

stdenv.mkDerivation {
  name = "foreign-program";
  dontUnpack = true;
  nativeBuildInputs = [ fixelfHook ];
  buildInputs = libraries;
  # Libraries that it looks for only at run time, and can do without:
  autoPatchelfIgnoreMissingDeps = [ "libcuda.so.*" ];
  installPhase = ''
    runHook preInstall
    cp -R ${src} "$out"
    chmod -R u+w "$out"
    runHook postInstall
  '';
}
