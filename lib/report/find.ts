// Which store paths provide a soname, the best first; if none does, the nixpkgs package that would.
import type { OfLibc } from "../file/libc.js";
import { thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import type { Providers } from "../store/find.js";
import {
  adviceFor,
  builtFor,
  installable,
  type NixpkgsPackage,
} from "../store/nixpkgs/packages.js";
import { definedByNone } from "../store/nixpkgs/symbol_versions.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";

export interface Answer extends Providers {
  soname: string;
  /** The best first. */
  packages: readonly NixpkgsPackage[];
  /** The symbol version that it has to define, if one was requested. */
  version: string | undefined;
  /** What defines it: "gcc 13.2 or newer"; absent if not known. */
  since?: string;
}

/** How many nixpkgs packages are shown for one library. */
const mostShown = 3;
/** The program that needs it was not given. */
const ownSystem = nixSystem(thisMachine());

/** Packages are built for glibc unless stated otherwise. */
const muslProgram: OfLibc = { needed: ["libc.so"] };

function isOfAnyLibc({ attribute }: NixpkgsPackage): boolean {
  return !/^(glibc|musl)$/.test(attribute);
}

export function findText(answers: readonly Answer[], colors: Colors): Shown {
  const lines: Shown[] = [];
  for (const { soname, version, providers, rejected, packages, since } of answers) {
    lines.push(colors.bold(version === undefined ? soname : `${soname} with ${version}`));
    if (providers.length === 0) {
      const none = definedByNone(version ?? "");
      const advice = none === null ? adviceFor(soname, packages) : null;
      const takes = since === undefined ? "" : `; it takes ${since}`;
      const release = none === null ? takes : `; ${none}`;
      const told = `${release}${advice === null ? "" : `; ${advice}`}`;
      lines.push(line`  ${colors.red("no store path has it")}${told}`);
      for (const each of none === null ? packages.slice(0, mostShown) : []) {
        const { reasons, source, date } = each;
        const why = `${reasons.join("; ")} (${source}${date === null ? "" : `, ${date}`})`;
        lines.push(line`    ${installable(each, ownSystem)}  ${colors.dim(why)}`);
      }
    }
    for (const { path, why } of rejected)
      lines.push(line`  ${colors.yellow("passed over")} ${path}  ${colors.dim(why)}`);
    for (const { path, reasons } of providers)
      lines.push(line`  ${path}  ${colors.dim(reasons.join("; "))}`);
  }
  const [example] = answers.flatMap(({ packages }) => packages.slice(0, 1)).filter(isOfAnyLibc);
  if (example !== undefined) {
    const other = installable(builtFor(muslProgram, example), ownSystem);
    lines.push(colors.dim(`for a program that is built for musl: pkgsMusl (${other})`));
  }
  return inLines(lines);
}
