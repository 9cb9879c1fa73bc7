// A flake.nix with a dev shell, for nix develop.
import type { PackagedEnvironment } from "../../environment/packages.js";
import { headline, nixAttribute, variableLines } from "./nix.js";

export function flakeText(environment: PackagedEnvironment): string {
  const [first] = environment.systems;
  const system = first?.system ?? "x86_64-linux";
  // The shell is for this machine, or for the only machine there is.
  const shell = {
    ...environment,
    systems: environment.systems.map((each) => (each === first ? { ...each, own: true } : each)),
  };
  return `${headline(environment)}
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      pkgs = ${nixAttribute("nixpkgs.legacyPackages", system)};
    in
    {
      ${nixAttribute("devShells", system)}.default = pkgs.mkShell {
${variableLines(shell, "        ").join("\n")}
      };
    };
}`;
}
