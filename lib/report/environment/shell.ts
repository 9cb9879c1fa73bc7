// Variables for sh and fish, and for direnv, which reads bash.

import { fishWord, shellWord } from "../../base/shell.js";
import type { Variables } from "../../environment/variables.js";

export function shText(variables: Variables): string {
  return variables.map(([name, value]) => `export ${name}=${shellWord(value)}`).join("\n");
}

export function fishText(variables: Variables): string {
  return variables.map(([name, value]) => `set -gx ${name} ${fishWord(value)}`).join("\n");
}

/** An .envrc. */
export function direnvText(variables: Variables): string {
  return `# So that programs that were built elsewhere run here, through nix-ld.\n${shText(variables)}`;
}
