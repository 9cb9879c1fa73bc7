# A NixOS module, with the options of NixOS that it sets. With nixpkgs' lib it is evaluated as NixOS does, and types are
# checked; without, by a stand-in for the parts of lib that this module uses, and types are not checked.
{
  module,
  settings,
  nixpkgsLib ? null,
  # Whether the package has a stand-in for 32-bit programs.
  narrow ? true,
  # programs.nix-ld, as set by the user.
  nixLd ? { },
}:

let
  pkgs =
    builtins.listToAttrs (
      map (name: { inherit name; value = package name; }) [
        "acl" "attr" "bzip2" "curl" "libsodium" "libssh" "libxml2" "openssl" "systemd" "util-linux"
        "xz" "zlib" "zstd"
      ]
    )
    // {
      fixelf = package "fixelf" // (if narrow then { standIns.i686-linux = null; } else { });
      # Its name lists its contents.
      buildEnv = { name, paths, ... }: package (builtins.concatStringsSep ":" ([ name ] ++ map (path: path.name) paths));
      stdenv = {
        hostPlatform.isx86_64 = true;
        cc = { cc = package "gcc"; bintools.dynamicLinker = "/ld.so"; };
      };
    };
  # Enough of a derivation for types.package, and the same string for every reference to it.
  package = name: {
    type = "derivation";
    inherit name;
    outPath = "/${name}";
  };
  nix = package "nix";

  real =
    let
      lib = import nixpkgsLib;
      inherit (lib) mkOption types;
      listOf =
        type:
        mkOption {
          type = types.listOf type;
          default = [ ];
        };
      path = mkOption {
        type = types.nullOr types.path;
        default = null;
      };
      # NixOS has a default; null shows whether a module sets it.
      switch = mkOption {
        type = types.nullOr types.bool;
        default = null;
      };
      service.options = {
        description = mkOption { type = types.singleLineStr; };
        wantedBy = listOf types.str;
        path = listOf types.package;
        serviceConfig = mkOption { type = with types; attrsOf (oneOf [ bool int str ]); };
      };
      # As declared in nixos/modules.
      edge.options = {
        assertions = listOf types.unspecified;
        environment = {
          systemPackages = listOf types.package;
          pathsToLink = listOf types.str;
          ldso = path;
          ldso32 = path;
          stub-ld.enable = switch;
        };
        nix.package = mkOption {
          type = types.package;
          default = nix;
        };
        programs.nix-ld = {
          enable = switch;
          libraries = listOf types.package;
        };
        systemd.user.services = mkOption {
          type = types.attrsOf (types.submodule service);
          default = { };
        };
      };
      evaluated = lib.evalModules {
        specialArgs = { inherit pkgs; };
        modules = [
          edge
          module
          {
            programs.fixelf = settings;
            programs.nix-ld = nixLd;
          }
        ];
      };
      # What is not set is left out, as below.
      set = lib.filterAttrsRecursive (
        _: value: value != null && value != [ ] && value != { }
      );
    in
    set (
      set (
        set {
          inherit (evaluated.config) assertions environment systemd;
          programs.nix-ld.enable = evaluated.config.programs.nix-ld.enable;
        }
      )
    );

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
    mkDefault = value: value;
    mkForce = value: value;
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
  # An option has its default if nothing is set.
  fill =
    options: set:
    builtins.mapAttrs (
      name: option:
      if option ? default then set.${name} or option.default else fill option (set.${name} or { })
    ) options;
  evaluated = import module { inherit config lib pkgs; };
  config = {
    programs.fixelf = fill evaluated.options.programs.fixelf settings;
    programs.nix-ld = nixLd;
    nix.package = nix;
  };
in
if nixpkgsLib == null then evaluated.config else real
