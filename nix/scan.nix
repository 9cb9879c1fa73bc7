# Scans store paths as derivations, so that Nix spreads them over its builders and keeps every result.
# docs/scanning.md shows how to use it.
#
# The result is a directory of Parquet files, one for each chunk of the list.
{
  # The store paths: a list, or a file with one per line, as `nix-store --query --requisites` prints
  # them.
  paths,

  # The words that start fixelf: [ "${fixelf}/bin/fixelf" ] for a package. Anything outside the
  # store must exist on every builder, outside the sandbox.
  command,

  # Where `command` is not in the store, Nix can't tell when it has changed: change this then.
  version ? "",

  # Whether to get missing paths from the substituters. Otherwise each becomes a row with an error.
  fetch ? false,

  # The number of derivations at most. One for each store path would cost Nix more than the scan.
  chunks ? 256,

  system ? builtins.currentSystem,
}:

let
  lines = text: builtins.filter (line: builtins.isString line && line != "") (builtins.split "\n" text);
  listed = map (path: builtins.unsafeDiscardStringContext (toString path)) (
    if builtins.isList paths then paths else lines (builtins.readFile paths)
  );

  # `builtins.storePath` substitutes, and fails if it cannot. A plain string adds no dependency: the scan then finds
  # that the path is missing.
  input = path: if fetch || builtins.pathExists path then builtins.storePath path else path;

  # The same path is always in the same chunk, so that only chunks with something new are built
  # again.
  chunkOf =
    path:
    let
      digits = builtins.substring 0 8 (builtins.hashString "sha256" (baseNameOf path));
      inherit (builtins.fromTOML "number = 0x${digits}") number;
    in
    number - number / chunks * chunks;
  divided = builtins.groupBy (path: toString (chunkOf path)) listed;

  scan =
    chunk: members:
    derivation {
      name = "scan-${chunk}";
      inherit system version;
      # The same rows give the same bytes.
      SOURCE_DATE_EPOCH = "1";
      builder = builtins.head command;
      args = builtins.tail command ++ [
        "scan"
        "--from"
        # Everything that it depends on, besides fixelf.
        (builtins.toFile "paths" (builtins.concatStringsSep "\n" (map input members)))
        "--format"
        "parquet"
        "--output"
        "${placeholder "out"}/${chunk}.parquet"
      ];
    };

  scans = builtins.attrValues (builtins.mapAttrs scan divided);
in

# Nix's own builder of environments, which needs no shell: one directory of links.
derivation {
  name = "scan";
  builder = "builtin:buildenv";
  system = "builtin";
  preferLocalBuild = true;
  # "active", the priority, the number of outputs, and the outputs.
  derivations = map (result: [
    "true"
    5
    1
    result
  ]) scans;
  manifest = builtins.toFile "scanned" (builtins.concatStringsSep "\n" (map baseNameOf listed));
}
// {
  # Without the directory of links, for which all results have to come to one machine.
  inherit scans;
}
