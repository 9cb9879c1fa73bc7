# Scans store paths as derivations, one for each: Nix spreads them over its builders and keeps every
# result, so that a second scan builds only what is new. docs/scanning.md shows how to use it.
#
# The result is a directory of Parquet files, one for each store path, named by a hash of its name.
{
  # The store paths: a list, or a file with one a line, as `nix-store --query --requisites` prints them.
  paths,

  # The words that start fixelf: [ "${fixelf}/bin/fixelf" ] for a package. What is no store path must be
  # there on every builder, outside of the sandbox.
  command,

  # Where `command` is no store path, Nix can't tell when it has changed: change this then.
  version ? "",

  system ? builtins.currentSystem,
}:

let
  lines = text: builtins.filter builtins.isString (builtins.split "\n" text);

  # Derivations have no ELF files in them, nor have most single files. `scan` takes directories.
  isDirectory = path: builtins.pathExists (path + "/.");

  listed = if builtins.isList paths then paths else lines (builtins.readFile paths);
  directories = builtins.filter (path: path != "" && isDirectory path) listed;

  scan =
    path:
    let
      base = baseNameOf path;
      # Behind the 32 digits of the hash and a hyphen.
      name = builtins.substring 33 (-1) base;
      file = "${builtins.hashString "sha256" base}.parquet";
    in
    derivation {
      name = "scan-${name}";
      inherit system version;
      builder = builtins.head command;
      args = builtins.tail command ++ [
        "scan"
        # All that it depends on, beside fixelf.
        (builtins.storePath path)
        "--format"
        "parquet"
        "--output"
        "${placeholder "out"}/${file}"
      ];
    };

  scans = map scan directories;
in

# Nix's own builder of environments, which needs no shell: one directory of links.
derivation {
  name = "scan";
  builder = "builtin:buildenv";
  system = "builtin";
  preferLocalBuild = true;
  # "active", the priority, the number of outputs, and these.
  derivations = map (result: [
    "true"
    5
    1
    result
  ]) scans;
  manifest = builtins.toFile "scanned" (builtins.concatStringsSep "\n" (map baseNameOf directories));
}
// {
  # Without the directory of links, for which all results have to come to one machine.
  inherit scans;
}
