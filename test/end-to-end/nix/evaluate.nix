# A NixOS module with a stand-in for nixpkgs: only what this one uses, and no types are checked.
{ module, settings }:

let
  merge =
    a: b:
    if builtins.isAttrs a && builtins.isAttrs b then
      a // builtins.mapAttrs (name: value: if a ? ${name} then merge a.${name} value else value) b
    else if builtins.isList a then
      a ++ b
    else
      b;
  any = _: null;
  lib = {
    inherit (builtins) concatMap replaceStrings;
    concatMapStringsSep = separator: f: list: builtins.concatStringsSep separator (map f list);
    getLib = package: package;
    literalExpression = any;
    mkEnableOption = _: { default = false; };
    mkIf = condition: value: if condition then value else { };
    mkMerge = builtins.foldl' merge { };
    mkOption = option: option;
    types = {
      package = null;
      str = null;
      listOf = any;
      enum = any;
    };
  };
  pkgs = {
    fixelf = "/fixelf";
    buildEnv = { paths, ... }: "/libraries";
    stdenv = {
      hostPlatform.isx86_64 = true;
      cc.bintools.dynamicLinker = "/ld.so";
    };
  };
  # An option has its default where nothing is set.
  fill =
    options: set:
    builtins.mapAttrs (
      name: option:
      if option ? default then set.${name} or option.default else fill option (set.${name} or { })
    ) options;
  evaluated = import module { inherit config lib pkgs; };
  config = {
    programs.fixelf = fill evaluated.options.programs.fixelf settings;
    nix.package = "/nix";
  };
in
evaluated.config
