// Variables for sh and fish, and for direnv, which reads bash.

import { fishWord, shellWord } from "../../base/shell.js";
import type { Variables } from "../../environment/variables.js";
import { printable } from "../text.js";

/** @param unrooted store paths that the variables name and that nothing here keeps */
export function shText(variables: Variables, unrooted: readonly string[] = []): string {
  const lines = variables.map(([name, value]) => `export ${name}=${shellWord(value)}`);
  return [...lines, ...warning(unrooted)].join("\n");
}

export function fishText(variables: Variables, unrooted: readonly string[] = []): string {
  const lines = variables.map(([name, value]) => `set -gx ${name} ${fishWord(value)}`);
  return [...lines, ...warning(unrooted)].join("\n");
}

/** An .envrc. */
export function direnvText(variables: Variables, unrooted: readonly string[] = []): string {
  const what = "# So that programs that were built elsewhere run here, through nix-ld.";
  return `${what}\n${shText(variables, unrooted)}`;
}

/** A comment: what is printed is evaluated. */
function warning(unrooted: readonly string[]): string[] {
  if (unrooted.length === 0) return [];
  return [
    "# Nothing that is set here keeps these from garbage collection; a farm would (--farm DIR):",
    ...unrooted.map((path) => `#   ${printable(path)}`),
  ];
}
