// Variables for sh and fish, and for direnv, which reads bash.
import { fishWord, scriptWord } from "../../base/shell.js";
import type { Variables } from "../../environment/variables.js";
import { adviceFor, installable, type MissingLibrary } from "../../store/nixpkgs/packages.js";
import { printable } from "../text.js";

/** What comments report besides the variables. */
export interface ShellNotes {
  /** Store paths that the variables name and that nothing here keeps. */
  unrooted?: readonly string[];
  /** Libraries that something needs and no store path has. */
  missing?: readonly MissingLibrary[];
}

export function shText(variables: Variables, notes: ShellNotes = {}): string {
  const lines = variables.map(([name, value]) => `export ${name}=${scriptWord(value)}`);
  return [...lines, ...comments(notes)].join("\n");
}

export function fishText(variables: Variables, notes: ShellNotes = {}): string {
  const lines = variables.map(([name, value]) => `set -gx ${name} ${fishWord(value)}`);
  return [...lines, ...comments(notes)].join("\n");
}

/** An .envrc. */
export function direnvText(variables: Variables, notes: ShellNotes = {}): string {
  const what = "# So that programs that were built elsewhere run here, through nix-ld.";
  return `${what}\n${shText(variables, notes)}`;
}

/** What is printed gets evaluated. */
function comments({ unrooted = [], missing = [] }: ShellNotes): string[] {
  return [
    ...listed(
      "Nothing that is set here keeps these from garbage collection; a farm would (--farm DIR):",
      unrooted,
    ),
    ...listed(
      "No store path has these libraries, which something here needs (--get fetches what nixpkgs has):",
      missing.map(({ soname, system, packages }) => {
        const [best] = packages;
        if (best?.soname === soname) return `${soname}: ${installable(best, system)}`;
        return `${soname}: ${adviceFor(soname, packages) ?? "no package is known"}`;
      }),
    ),
  ];
}

function listed(what: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`# ${what}`, ...items.map((each) => `#   ${printable(each)}`)];
}
