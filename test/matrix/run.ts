// How to start a program for any machine: this machine's own directly, another's through qemu-user.
import type { Cell } from "./axes.js";
import { machines } from "./axes.js";
import type { Command } from "./shell.js";

export function sysroot(machine: Cell["machine"]): string {
  return `/usr/${machines[machine].triplet}`;
}

/** Where the machine's loader finds libc by default. */
export function libcDirectory(machine: Cell["machine"]): string {
  return machine === "x86-64" ? `/lib/${machines[machine].triplet}` : `${sysroot(machine)}/lib`;
}

/** The command that runs a program with these variables. */
export function runner(
  machine: Cell["machine"],
  program: string,
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Command {
  const { qemu } = machines[machine];
  if (qemu === null) return { command: program, args: [], cwd, env };
  const variables = Object.entries(env).flatMap((pair) => ["-E", pair.join("=")]);
  return { command: qemu, args: ["-L", sysroot(machine), ...variables, program], cwd };
}
