# A nixpkgs with the usual attributes, made of libraries that Debian built; `files` has a folder of them for each
# package, filled by the test.
{
  system ? builtins.currentSystem,
}:

let
  package =
    {
      name,
      folder ? name,
      needs ? [ ],
    }:
    derivation {
      inherit name system needs;
      files = ./files + "/${folder}";
      builder = "/bin/sh";
      args = [ ./build ];
      preferLocalBuild = true;
    };
in
rec {
  libxcrypt = package {
    name = "libxcrypt-4.4.38";
    folder = "nothing";
  };
  # The override keeps the name, as in nixpkgs.
  libxcrypt-legacy = package {
    name = "libxcrypt-4.4.38";
    folder = "libxcrypt-legacy-trixie";
  };
  db53 = package {
    name = "db-5.3.28";
    folder = "db-trixie";
  };
  db5 = db53;
  db = db53;
  keyutils = package {
    name = "keyutils-1.6.3-lib";
    folder = "keyutils-trixie";
  };
  krb5 = package {
    name = "krb5-1.21.3-lib";
    folder = "krb5-trixie";
    needs = [ keyutils ];
  };
  libkrb5 = krb5;
  libtirpc = package {
    name = "libtirpc-1.3.6";
    folder = "libtirpc-trixie";
    needs = [ krb5 ];
  };
  libnsl = package {
    name = "libnsl-2.0.1";
    folder = "libnsl-trixie";
    needs = [ libtirpc ];
  };
  # A listing or a database may promise a library that the package lacks.
  libsm = libxcrypt;
  # The package has it, but only nix-index's database knows that.
  session-manager = package {
    name = "session-manager-1.0";
    folder = "session-manager";
  };
  libxt = throw "libxt is marked as insecure";
  # A slow build.
  libice = package {
    name = "libice-1.1.2";
    folder = "slow";
  };
}
