# A store path made from packages of a Debian release. `downloads` is their folder.
downloads: release: architecture:

{
  # Makes the name of the store path from the version of the first package.
  name,
  packages,
  # The store paths in which its libraries and programs are to find their libraries.
  needs ? [ ],
  # Whether they have a RUNPATH, like what nixpkgs builds, or are as Debian ships them.
  runpath ? true,
  # Files of other store paths to link to from beside the libraries.
  links ? [ ],
  # Whether to add a link for each of busybox's tools.
  applets ? false,
}:

let
  folder = downloads + "/${release}/${architecture}";
  files = builtins.attrNames (builtins.readDir folder);

  fileOf =
    package:
    builtins.head (
      builtins.filter (file: builtins.substring 0 (builtins.stringLength package + 1) file == "${package}_") files
    );

  # The file name of a package contains percent signs, which the name of a store path may not.
  import-package =
    package:
    builtins.path {
      name = "${package}.deb";
      path = folder + "/${fileOf package}";
    };

  # 1.3.1 of zlib1g_1%3a1.3.dfsg+really1.3.1-1+b1_amd64.deb, and 2.41 and 12 of libc6_2.41-12+deb13u4_amd64.deb
  version =
    let
      debian = builtins.head (builtins.match "[^_]+_(.*)_[^_]+" (fileOf (builtins.head packages)));
      parts = builtins.match "([0-9]+%3a)?(.*[+]really)?([0-9]+([.][0-9]+)*)[^-]*-([0-9]+).*" debian;
    in
    rec {
      upstream = builtins.elemAt parts 2;
      full = "${upstream}-${builtins.elemAt parts 4}";
    };
in

derivation {
  name = name version;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./unpack-debian-packages ];
  packages = map import-package packages;
  inherit
    needs
    runpath
    links
    applets
    ;
}
// {
  downloads = map (package: "${release} ${architecture} ${package}") packages;
}
