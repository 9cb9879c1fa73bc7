// A buildFHSEnv: a sandbox that looks like an ordinary distribution.
import { basename } from "node:path";
import { scriptWord } from "../../base/shell.js";
import type { PackagedEnvironment } from "../../environment/packages.js";
import { headline, nixComment, nixString, packageLines, packagesOf } from "./nix.js";

export function fhsText(environment: PackagedEnvironment): string {
  const { programs, systems } = environment;
  const [program, ...others] = programs;
  const only = program !== undefined && others.length === 0 ? program : null;
  const name = only === null ? "foreign" : basename(only.file).replace(/[^\w.+?=-]+/g, "-");
  const [first, ...further] = systems;
  const own = packageLines(packagesOf(first?.directories ?? []), "pkgs", "    ");
  // multiPkgs are there for both machines that an x86-64 can be.
  const multi = packageLines(
    further.flatMap(({ directories }) => packagesOf(directories)),
    "pkgs",
    "    ",
  );
  const outside = systems.flatMap(({ directories }) =>
    directories.flatMap((each) => ("directory" in each ? [each.directory] : [])),
  );
  const profile =
    outside.length === 0
      ? ""
      : `  profile = ${nixString(`export LD_LIBRARY_PATH=${scriptWord(outside.join(":"))}`)};\n`;
  const list = (what: string, lines: readonly string[]) =>
    `  ${what} = pkgs: [\n${lines.map((line) => `${line}\n`).join("")}  ];\n`;
  // It is put into a shell script as it is.
  const runScript = only === null ? "" : `  runScript = ${nixString(scriptWord(only.file))};\n`;
  return `${headline(environment)}
${nixComment(only === null ? "build it, and start the programs in its shell" : "build it, and start the program by its name")}
{ pkgs ? import <nixpkgs> { } }:

pkgs.buildFHSEnv {
  name = ${nixString(`${name}-fhs`)};
${list("targetPkgs", own)}${multi.length > 0 ? list("multiPkgs", multi) : ""}${profile}${runScript}}`;
}
