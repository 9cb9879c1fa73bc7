// Whether a descriptor is a terminal.
import { createRequire } from "node:module";
import { fstatSync } from "../base/disk.js";

/** node:tty loads all of Node's network code, which a pipe, a file or /dev/null need not wait for. */
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

/** Linux, Documentation/admin-guide/devices.txt: /dev/null and similar devices. */
const memoryDevices = 1;

/** makedev(3), for numbers below 4096. */
function majorOf(device: number): number {
  return (device >> 8) & 0xfff;
}
