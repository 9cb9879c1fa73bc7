// Whether a descriptor is a terminal.
import { createRequire } from "node:module";
import { isDirectory } from "../base/directories.js";
import { fstatSync } from "../base/disk.js";
import type { ProgressLine } from "./progress.js";

/** A line of progress on stderr, already shown; null without a directory, or where that is no terminal. */
export async function progressLine(
  paths: readonly string[],
  text: () => string,
): Promise<ProgressLine | null> {
  // A file is done before anybody has read the line.
  const isLong = paths.some(isDirectory);
  if (!isLong || !isTerminal(2)) return null;
  const { ProgressLine } = await import("./progress.js");
  const line = new ProgressLine(text);
  line.start();
  return line;
}

/** Shows a line on stderr while it works, where that is a terminal. */
export async function withProgress<T>(
  paths: readonly string[],
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  const line = await progressLine(paths, () => text);
  return work().finally(() => line?.stop());
}

/** node:tty brings all of Node's network code along, which a pipe, a file or /dev/null need not wait for. */
export function isTerminal(descriptor: number): boolean {
  try {
    const state = fstatSync(descriptor);
    if (!state.isCharacterDevice() || majorOf(state.rdev) === memoryDevices) return false;
  } catch {
    return false; // it is closed
  }
  return (createRequire(import.meta.url)("node:tty") as typeof import("node:tty")).isatty(
    descriptor,
  );
}

/** Linux, Documentation/admin-guide/devices.txt: /dev/null and its like. */
const memoryDevices = 1;

/** makedev(3), as far as it is below 4096. */
function majorOf(device: number): number {
  return (device >> 8) & 0xfff;
}
