// A NixOS module that sets nix-ld up for all programs on the machine.
import type { PackagedEnvironment } from "../../environment/packages.js";
import { headline, nixComment, packageLines, packageSet, packagesOf } from "./nix.js";

export function nixosText(environment: PackagedEnvironment): string {
  const { systems } = environment;
  const lines = systems
    .filter(({ own }) => own || systems.length === 1)
    .flatMap((system) => packageLines(packagesOf(system.directories), "pkgs", "    "));
  const notes = systems.flatMap((system) => {
    const elsewhere = system.directories.flatMap((each) => {
      if ("directory" in each)
        return [`${each.directory} is no package's: add it to NIX_LD_LIBRARY_PATH`];
      const { attribute } = each.package;
      // nixos/modules/programs/nix-ld.nix links `lib`, which nix-ld searches.
      const why = `nix-ld searches only lib of ${attribute}: add its ${each.below.slice(1)} to NIX_LD_LIBRARY_PATH`;
      return each.below === "/lib" ? [] : [why];
    });
    const foreign =
      packageSet(system) === "pkgs" || systems.length === 1
        ? []
        : [`programs.nix-ld is for this machine's own programs, not for ${system.system}`];
    return [...elsewhere, ...foreign];
  });
  return `${[headline(environment), ...notes.map(nixComment)].join("\n")}
{ pkgs, options, ... }:

{
  programs.nix-ld.enable = true;
  # Some releases of NixOS have the usual libraries as the default, which a list of one's own replaces.
  programs.nix-ld.libraries = (options.programs.nix-ld.libraries.default or [ ]) ++ [
${lines.map((line) => `${line}\n`).join("")}  ];
}`;
}
