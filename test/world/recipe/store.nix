# The test world's store: Debian's libraries from three releases, laid out and named as in nixpkgs.
#
# bookworm's are what an older channel left behind, trixie's are the running system's, forky's are
# those of a newer system that is installed but not running.
{ packages }:

let
  debian = import ./debian.nix packages;
  bookworm = debian "bookworm" "amd64";
  bookworm-i386 = debian "bookworm" "i386";
  trixie = debian "trixie" "amd64";
  forky = debian "forky" "amd64";

  join = import ./join.nix;
  system = import ./system.nix;
  stand-in = import ./stand-in.nix;
  farm = import ./farm.nix;

  glibc = {
    name = version: "glibc-${version.full}";
    packages = [ "libc6" ];
    # Unpatched: a C library finds its own parts beside its loader.
    runpath = false;
  };
  gcc = {
    name = version: "gcc-${version.upstream}-lib";
    packages = [
      "libstdc++6"
      "libgcc-s1"
    ];
  };
  # nixpkgs gives libgcc_s an output of its own, to which glibc links for the sake of
  # pthread_cancel.
  libgcc = {
    name = version: "xgcc-${version.upstream}-libgcc";
    packages = [ "libgcc-s1" ];
    runpath = false;
  };
  zlib = {
    name = version: "zlib-${version.upstream}";
    packages = [ "zlib1g" ];
  };
  openssl = {
    name = version: "openssl-${version.upstream}";
    packages = [ "libssl3" ];
  };
  sqlite = {
    name = version: "sqlite-${version.upstream}";
    packages = [ "libsqlite3-0" ];
  };
  libxcrypt-legacy = {
    name = version: "libxcrypt-legacy-${version.upstream}";
    packages = [ "libcrypt1" ];
  };

  paths = rec {
    # -- an older channel -------------------------------------------------------------------------

    glibc-bookworm = bookworm glibc;
    gcc-bookworm = bookworm (gcc // { needs = [ glibc-bookworm ]; });
    zlib-bookworm = bookworm (zlib // { needs = [ glibc-bookworm ]; });
    openssl-bookworm = bookworm (openssl // { needs = [ glibc-bookworm ]; });
    sqlite-bookworm = bookworm (sqlite // { needs = [ glibc-bookworm ]; });

    # -- the running system -----------------------------------------------------------------------

    libgcc-trixie = trixie libgcc;
    glibc-trixie = trixie (glibc // { links = [ "${libgcc-trixie}/lib/libgcc_s.so.1" ]; });
    gcc-trixie = trixie (gcc // { needs = [ glibc-trixie ]; });
    zlib-trixie = trixie (zlib // { needs = [ glibc-trixie ]; });
    # Without a RUNPATH, as Debian ships it: whatever loads it has to bring libm along.
    sqlite-trixie = trixie (sqlite // { runpath = false; });
    zstd-trixie = trixie {
      name = version: "zstd-${version.upstream}";
      packages = [ "libzstd1" ];
      needs = [ glibc-trixie ];
    };
    openssl-trixie = trixie (
      openssl
      // {
        packages = [ "libssl3t64" ];
        needs = [
          glibc-trixie
          zlib-trixie
          zstd-trixie
        ];
      }
    );
    expat-trixie = trixie {
      name = version: "expat-${version.upstream}";
      packages = [ "libexpat1" ];
      needs = [ glibc-trixie ];
    };
    bzip2-trixie = trixie {
      name = version: "bzip2-${version.upstream}";
      packages = [ "libbz2-1.0" ];
      needs = [ glibc-trixie ];
    };
    xz-trixie = trixie {
      name = version: "xz-${version.upstream}";
      packages = [ "liblzma5" ];
      needs = [ glibc-trixie ];
    };
    libffi-trixie = trixie {
      name = version: "libffi-${version.upstream}";
      packages = [ "libffi8" ];
      needs = [ glibc-trixie ];
    };
    ncurses-trixie = trixie {
      name = version: "ncurses-${version.upstream}";
      packages = [
        "libncursesw6"
        "libncurses6"
        "libtinfo6"
      ];
      needs = [ glibc-trixie ];
    };
    readline-trixie = trixie {
      name = version: "readline-${version.upstream}";
      packages = [ "libreadline8t64" ];
      needs = [
        glibc-trixie
        ncurses-trixie
      ];
    };
    util-linux-trixie = trixie {
      name = version: "util-linux-minimal-${version.upstream}-lib";
      packages = [ "libuuid1" ];
      needs = [ glibc-trixie ];
    };
    bash-trixie = trixie {
      name = version: "bash-interactive-${version.upstream}";
      packages = [ "bash" ];
      needs = [
        glibc-trixie
        ncurses-trixie
      ];
    };
    busybox = trixie {
      name = version: "busybox-static-x86_64-unknown-linux-musl-${version.upstream}";
      packages = [ "busybox-static" ];
      runpath = false;
      applets = true;
    };
    # What the initial ramdisk holds: copies of the loader and the C library that must never be
    # chosen.
    extra-utils = trixie {
      name = _: "extra-utils";
      packages = [
        "libc6"
        "zlib1g"
      ];
      runpath = false;
    };

    # -- in the store, but no part of a system ----------------------------------------------------

    libxcrypt-legacy-trixie = trixie (libxcrypt-legacy // { needs = [ glibc-trixie ]; });
    db-trixie = trixie {
      name = version: "db-${version.upstream}";
      packages = [ "libdb5.3t64" ];
      needs = [ glibc-trixie ];
    };
    keyutils-trixie = trixie {
      name = version: "keyutils-${version.upstream}-lib";
      packages = [ "libkeyutils1" ];
      needs = [ glibc-trixie ];
    };
    krb5-trixie = trixie {
      name = version: "krb5-${version.upstream}-lib";
      packages = [
        "libkrb5-3"
        "libgssapi-krb5-2"
        "libk5crypto3"
        "libkrb5support0"
        "libcom-err2"
      ];
      needs = [
        glibc-trixie
        keyutils-trixie
        openssl-trixie
      ];
    };
    libtirpc-trixie = trixie {
      name = version: "libtirpc-${version.upstream}";
      packages = [ "libtirpc3t64" ];
      needs = [
        glibc-trixie
        krb5-trixie
      ];
    };
    libnsl-trixie = trixie {
      name = version: "libnsl-${version.upstream}";
      packages = [ "libnsl2" ];
      needs = [
        glibc-trixie
        libtirpc-trixie
      ];
    };
    bootstrap-tools = bookworm {
      name = _: "bootstrap-tools";
      packages = [
        "libc6"
        "libstdc++6"
        "libgcc-s1"
        "zlib1g"
      ];
      runpath = false;
    };

    # -- other classes and other C libraries ------------------------------------------------------

    glibc-i386 = bookworm-i386 glibc;
    zlib-i386 = bookworm-i386 (zlib // { needs = [ glibc-i386 ]; });
    musl = trixie {
      name = version: "musl-${version.upstream}";
      packages = [ "musl" ];
      runpath = false;
    };

    # -- the newer system -------------------------------------------------------------------------

    libgcc-forky = forky libgcc;
    glibc-forky = forky (glibc // { links = [ "${libgcc-forky}/lib/libgcc_s.so.1" ]; });
    gcc-forky = forky (gcc // { needs = [ glibc-forky ]; });
    zlib-forky = forky (zlib // { needs = [ glibc-forky ]; });

    # -- what ties them together ------------------------------------------------------------------

    system-path-trixie = join "system-path" [
      busybox
      bash-trixie
      gcc-trixie
      zlib-trixie
      zstd-trixie
      openssl-trixie
      sqlite-trixie
      expat-trixie
      bzip2-trixie
      xz-trixie
      libffi-trixie
      ncurses-trixie
      readline-trixie
      util-linux-trixie
    ];
    system-path-forky = join "system-path" [
      busybox
      gcc-forky
      zlib-forky
    ];
    system-trixie = system {
      name = "nixos-system-world-25.11";
      path = system-path-trixie;
      initrd = extra-utils;
    };
    # The same, with something in the loader's place: what a stock NixOS has there, nix-ld, and this project's stand-in.
    # The first of the farms has all of the system's glibc; the other is older than the system, and has the loader of
    # its glibc without the C library, which on NixOS the loader finds itself.
    system-trixie-stub = system-with stub-ld [ ];
    system-trixie-nix-ld = system-with "${nix-ld}/libexec/nix-ld" [
      (farm {
        loader = "${glibc-trixie}/lib/ld-linux-x86-64.so.2";
        paths = [
          zlib-trixie
          zstd-trixie
          gcc-trixie
          openssl-trixie
          bzip2-trixie
          util-linux-trixie
          xz-trixie
          glibc-trixie
        ];
      })
    ];
    system-trixie-fixelf-ld = system-with "/harness-bin/fixelf-ld" [
      (farm {
        loader = "${glibc-bookworm}/lib/ld-linux-x86-64.so.2";
        paths = [
          zlib-bookworm
          gcc-bookworm
        ];
      })
    ];
    stub-ld = stand-in "stub-ld-x86_64-unknown-linux-musl" "stub-ld.c" "";
    nix-ld = stand-in "nix-ld-2.0.6" "nix-ld.c" "/libexec/nix-ld";
    system-forky = system {
      name = "nixos-system-world-26.05";
      path = system-path-forky;
      initrd = extra-utils;
    };
    user-environment = join "user-environment" [
      gcc-bookworm
      openssl-bookworm
      sqlite-bookworm
      zlib-i386
      musl
    ];
  };

  system-with =
    ldso: more:
    system {
      name = "nixos-system-world-25.11";
      path = join "system-path" ([ paths.system-path-trixie ] ++ more);
      initrd = paths.extra-utils;
      inherit ldso;
    };

  all = builtins.attrValues paths;
in

{
  inherit paths;

  # "release architecture package" lines: what has to be downloaded before anything can be built.
  downloads = builtins.concatStringsSep "" (
    builtins.concatMap (path: map (line: "${line}\n") (path.downloads or [ ])) all
  );

  manifest = builtins.toJSON (builtins.mapAttrs (_: path: "${path}") paths);
}
