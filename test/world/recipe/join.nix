# One tree of links to the programs and libraries of many store paths, as buildEnv makes them.
name: paths:

derivation {
  inherit name paths;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./join-paths ];
}
