// A shell.nix, for nix-shell.
import type { PackagedEnvironment } from "../../environment/packages.js";
import { headline, variableLines } from "./nix.js";

export function shellNixText(environment: PackagedEnvironment): string {
  return `${headline(environment)}
{ pkgs ? import <nixpkgs> { } }:

pkgs.mkShell {
${variableLines(environment, "  ").join("\n")}
}`;
}
