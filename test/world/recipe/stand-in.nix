# A static program that is put at the loader's place, of a C file of stand-ins/. At `place` below the store
# path; where that is "", the store path is the program.
name: source: place:

derivation {
  inherit name place;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./compile-stand-in ];
  sources = ./stand-ins;
  inherit source;
}
