# fixelf as a store path, made from what npm has installed: no nixpkgs, no network.
#
#     npm install --prefix /tmp/fixelf fixelf
#     nix-build nix/from-npm.nix --arg package /tmp/fixelf/node_modules/fixelf --argstr node …
#
# npm installs the packages that fixelf needs beside it; here a copy with its own node_modules is
# needed (`npm install --install-strategy=nested`).
{
  # The package's directory, with its node_modules.
  package,

  # A Node, 20 or newer: ${nodejs}/bin/node, or one outside the store, with sandbox = false.
  node,

  # A shell, and the directories with cp, ln, mkdir and chmod.
  shell ? "/bin/sh",
  path ? "/run/current-system/sw/bin:/usr/bin:/bin",

  system ? builtins.currentSystem,
}:

derivation {
  name = "fixelf-${(builtins.fromJSON (builtins.readFile (package + "/package.json"))).version}";
  inherit
    node
    shell
    system
    ;
  package = builtins.path {
    path = package;
    name = "fixelf-npm";
  };
  builder = shell;
  args = [ ./install.sh ];
  PATH = path;
  # It only copies: sending it elsewhere would take longer.
  preferLocalBuild = true;
}
