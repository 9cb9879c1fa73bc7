# A static program for the loader's place, compiled from a C file in stand-ins/. It is at `place` below the store path;
# if that is "", the store path is the program.
name: source: place:

derivation {
  inherit name place;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./compile-stand-in ];
  sources = ./stand-ins;
  inherit source;
}
