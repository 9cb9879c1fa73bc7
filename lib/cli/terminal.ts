// Whether a descriptor is a terminal.
import { fstatSync } from "node:fs";
import { createRequire } from "node:module";

/** node:tty brings all of Node's network code along, which a pipe or a file need not wait for. */
export function isTerminal(descriptor: number): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false; // it is closed
  }
  return (createRequire(import.meta.url)("node:tty") as typeof import("node:tty")).isatty(
    descriptor,
  );
}
