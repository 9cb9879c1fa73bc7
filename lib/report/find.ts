// Which store paths provide a soname, the best first; where none does, the package of nixpkgs that would.
import { thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import type { Providers } from "../store/find.js";
import { adviceFor, installable, type NixpkgsPackage } from "../store/nixpkgs/packages.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";

export interface Answer extends Providers {
  soname: string;
  /** The best first. */
  packages: readonly NixpkgsPackage[];
  /** What defines the symbol version that was asked for: "gcc 13.2 or newer"; null where none was, or it is not known. */
  since: string | null;
}

/** Packages of nixpkgs for one library. */
const mostShown = 3;
/** Nobody said what program it is for. */
const ownSystem = nixSystem(thisMachine());

export function findText(answers: readonly Answer[], colors: Colors): Shown {
  const lines: Shown[] = [];
  for (const { soname, providers, rejected, packages, since } of answers) {
    lines.push(colors.bold(soname));
    if (providers.length === 0) {
      const advice = adviceFor(soname, packages);
      const release = since === null ? "" : `; it takes ${since}`;
      const told = `${release}${advice === null ? "" : `; ${advice}`}`;
      lines.push(line`  ${colors.red("no store path has it")}${told}`);
      for (const each of packages.slice(0, mostShown)) {
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
  return inLines(lines);
}
