# A package of a program that was built elsewhere. The hook gives what is installed the loader and the libraries of
# nixpkgs, and fails the build where a library is found nowhere.
#
#     pkgs.callPackage ./foreign-program.nix { src = ./program-1.0; libraries = [ pkgs.zlib ]; }
{
  stdenv,
  fixelfHook,
  # A directory with bin/ and lib/, as its makers publish it.
  src,
  # Packages with libraries that it needs and does not bring.
  libraries ? [ ],
}:

stdenv.mkDerivation {
  name = "foreign-program";
  dontUnpack = true;
  nativeBuildInputs = [ fixelfHook ];
  buildInputs = libraries;
  # For what it looks up only as it runs, and can do without:
  autoPatchelfIgnoreMissingDeps = [ "libcuda.so.*" ];
  installPhase = ''
    runHook preInstall
    cp -R ${src} "$out"
    chmod -R u+w "$out"
    runHook postInstall
  '';
}
