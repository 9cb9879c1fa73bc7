# NixOS: programs.fixelf. docs/nixos.md shows how to use it.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    literalExpression
    mkDefault
    mkEnableOption
    mkForce
    mkIf
    mkMerge
    mkOption
    types
    ;
  cfg = config.programs.fixelf;
  platform = pkgs.stdenv.hostPlatform;

  # What programs.nix-ld gives every program (baseLibraries of nixos/modules/programs/nix-ld.nix).
  usual = with pkgs; [
    acl
    attr
    bzip2
    curl
    libsodium
    libssh
    libxml2
    openssl
    stdenv.cc.cc
    systemd
    util-linux
    xz
    zlib
    zstd
  ];

  # Where the stand-in loader looks unless a variable says otherwise; in nix-ld's own place and
  # layout.
  libraries = pkgs.buildEnv {
    name = "fixelf-libraries";
    # Whatever was chosen for nix-ld is kept when this takes its place.
    paths = map lib.getLib (usual ++ config.programs.nix-ld.libraries or [ ] ++ cfg.loader.libraries);
    pathsToLink = [ "/lib" ];
    extraPrefix = "/share/nix-ld";
    ignoreCollisions = true;
    postBuild = ''
      ln -s ${pkgs.stdenv.cc.bintools.dynamicLinker} $out/share/nix-ld/lib/ld.so
    '';
  };

  # A word of systemd's command lines (systemd.service(5)). Its specifiers, such as %h, are kept.
  word = text: ''"${lib.replaceStrings [ "\\" "\"" "$" ] [ "\\\\" "\\\"" "$$" ] text}"'';
  watched =
    lib.concatMap (preset: [
      "--preset"
      preset
    ]) cfg.watch.presets
    ++ cfg.watch.extraArgs
    ++ [ "--" ]
    ++ cfg.watch.directories;
in
{
  options.programs.fixelf = {
    enable = mkEnableOption "fixelf, which makes programs that were built elsewhere run";

    package = mkOption {
      type = types.package;
      default = pkgs.fixelf or (pkgs.callPackage ./package.nix { });
      defaultText = literalExpression "pkgs.fixelf";
      description = "The fixelf to use.";
    };

    loader = {
      enable = mkEnableOption "fixelf's stand-in loader where foreign programs look for theirs, in the place of nix-ld";

      libraries = mkOption {
        type = types.listOf types.package;
        default = [ ];
        example = literalExpression "[ pkgs.alsa-lib pkgs.libGL ]";
        description = ''
          Libraries that all programs find which the stand-in loader starts, beside those of
          programs.nix-ld: its own usual ones, and what programs.nix-ld.libraries names.
        '';
      };
    };

    watch = {
      directories = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "%h/Downloads/programs" ];
        description = ''
          Directories in which programs are fixed as they arrive, by a service of each user. %h is the
          user's home.
        '';
      };

      presets = mkOption {
        type = types.listOf (
          types.enum [
            "rye"
            "uv"
            "mise"
            "rustup"
            "cargo"
            "npm"
            "pnpm"
            "yarn"
            "bun"
            "nvm"
            "fnm"
            "volta"
            "pyenv"
            "ghcup"
            "stack"
            "juliaup"
            "gradle"
            "android-sdk"
            "jetbrains"
            "playwright"
            "puppeteer"
            "cypress"
            "prisma"
            "mason"
            "vscode-server"
            "vscodium-server"
            "cursor-server"
            "windsurf-server"
            "vscode-extensions"
          ]
        );
        default = [ ];
        example = [ "uv" ];
        description = "Tools, in whose directories programs are fixed as they arrive.";
      };

      extraArgs = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "--ignore-missing=libtcl*" ];
        description = "More options of fixelf watch.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    { environment.systemPackages = [ cfg.package ]; }

    (mkIf cfg.loader.enable {
      # Both would take the same place.
      programs.nix-ld.enable = mkForce false;
      environment = {
        systemPackages = [ libraries ];
        pathsToLink = [ "/share/nix-ld" ];
        stub-ld.enable = mkDefault false;
        ldso = "${cfg.package}/libexec/fixelf-ld";
        # NixOS has it on x86-64 only (nixos/modules/config/ldso.nix).
        ldso32 = mkIf (
          platform.isx86_64 && cfg.package ? standIns.i686-linux
        ) "${cfg.package}/libexec/fixelf-ld-32";
      };
    })

    (mkIf (cfg.watch.directories != [ ] || cfg.watch.presets != [ ]) {
      systemd.user.services.fixelf-watch = {
        description = "Fix programs as they arrive";
        wantedBy = [ "default.target" ];
        # nix-store registers what a fixed program refers to.
        path = [ config.nix.package ];
        serviceConfig = {
          ExecStart = lib.concatMapStringsSep " " word (
            [
              "${cfg.package}/bin/fixelf"
              "watch"
            ]
            ++ watched
          );
          Restart = "on-failure";
          RestartSec = 5;
          Nice = 5;
          NoNewPrivileges = true;
          LockPersonality = true;
          RestrictRealtime = true;
          RestrictNamespaces = true;
          # The Nix daemon's socket.
          RestrictAddressFamilies = "AF_UNIX";
          SystemCallFilter = "@system-service";
          SystemCallErrorNumber = "EPERM";
        };
      };
    })
  ]);
}
