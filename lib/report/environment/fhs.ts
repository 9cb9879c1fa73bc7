// A buildFHSEnv: a sandbox that looks like an ordinary distribution.
import { basename } from "node:path";
import { scriptWord } from "../../base/shell.js";
import type { PackagedEnvironment, PackagedSystem } from "../../environment/packages.js";
import {
  furtherDirectories,
  headline,
  nixComment,
  nixString,
  packageLines,
  packageSet,
  packagesOf,
} from "./nix.js";

export function fhsText(environment: PackagedEnvironment): string {
  const { programs, systems } = environment;
  const [program, ...others] = programs;
  const only = program !== undefined && others.length === 0 ? program : null;
  const name = only === null ? "foreign" : basename(only.file).replace(/[^\w.+?=-]+/g, "-");
  // What a 64-bit machine runs besides its own programs goes into multiPkgs, which are for both.
  const narrow = systems.filter(({ system, own }) => !own && system === "i686-linux");
  const [wide, ...foreign] = systems.filter((system) => !narrow.includes(system));
  const lines = (those: readonly PackagedSystem[]) =>
    packageLines(
      those.flatMap(({ directories }) => packagesOf(directories)),
      "pkgs",
      "    ",
    );
  const list = (what: string, all: readonly string[]) =>
    `  ${what} = pkgs: [\n${all.map((line) => `${line}\n`).join("")}  ];\n`;
  const multi =
    narrow.length === 0 ? "" : `  multiArch = true;\n${list("multiPkgs", lines(narrow))}`;
  const notes = foreign.map(({ system }) =>
    nixComment(`it is for this machine's own programs, not for ${system}`),
  );
  // Older buildFHSEnvs set the variable themselves; packages with attributes are in their directories already.
  const further = systems.flatMap((system) =>
    furtherDirectories(system.directories, packageSet(system)),
  );
  const before = nixString(`$\{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`);
  const joined = `pkgs.lib.concatStringsSep ":" [ ${further.join(" ")} ]`;
  const profile =
    further.length === 0
      ? ""
      : `  profile = "export LD_LIBRARY_PATH=" + pkgs.lib.escapeShellArg (${joined}) + ${before};\n`;
  // It is inserted into a shell script verbatim.
  const runScript = only === null ? "" : `  runScript = ${nixString(scriptWord(only.file))};\n`;
  return `${[headline(environment), ...notes].join("\n")}
${nixComment(only === null ? "build it, and start the programs in its shell" : "build it, and start the program by its name")}
{ pkgs ? import <nixpkgs> { } }:

pkgs.buildFHSEnv {
  name = ${nixString(`${name}-fhs`)};
${list("targetPkgs", wide === undefined ? [] : lines([wide]))}${multi}${profile}${runScript}}`;
}
