# What a Home Manager module becomes: the script that sets its variables, as Home Manager writes it, and the files that
# it links. With nixpkgs' lib the module is evaluated as Home Manager does, with options of the same types
# (modules/home-environment.nix, modules/lib/file-type.nix); without, it is taken as it is, and types are not checked.
{
  module,
  pkgs,
  nixpkgsLib ? null,
}:

let
  real =
    let
      lib = import nixpkgsLib;
      inherit (lib) mkOption types;
      file.options = {
        source = mkOption { type = types.path; };
        force = mkOption {
          type = types.bool;
          default = false;
        };
      };
      home.options.home = {
        sessionVariables = mkOption {
          type = with types; lazyAttrsOf (oneOf [ str path int float ]);
          default = { };
        };
        file = mkOption {
          type = types.attrsOf (types.submodule file);
          default = { };
        };
      };
    in
    (lib.evalModules {
      specialArgs = {
        pkgs = pkgs // {
          inherit lib;
        };
      };
      modules = [
        home
        module
      ];
    }).config.home;
  bare = {
    sessionVariables = { };
    file = { };
  } // (module { inherit pkgs; }).home;
  home = if nixpkgsLib == null then bare else real;

  # modules/lib/shell.nix: in double quotes, unescaped.
  export = name: ''export ${name}="${toString home.sessionVariables.${name}}"'';
in
{
  script = builtins.concatStringsSep "\n" (map export (builtins.attrNames home.sessionVariables));
  files = builtins.mapAttrs (_: file: file.source) home.file;
}
