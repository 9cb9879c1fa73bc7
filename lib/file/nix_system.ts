// What Nix calls a machine, and what nix-ld turns that into in variable names.
import { describeMachine, type Machine } from "./machine.js";

/** "x86_64-linux"; where Nix has no name, as for x32, a name of our own, for variables. */
export function nixSystem(machine: Machine): string {
  const processor = processorOf(machine);
  return `${processor ?? describeMachine(machine).replace(/[^\w]+/g, "_")}-linux`;
}

/** Whether Nix has a name for it: nixpkgs cannot have packages for others. */
export function hasNixSystem(machine: Machine): boolean {
  return processorOf(machine) !== null;
}

function processorOf(machine: Machine): string | null {
  const little = machine.byteOrder === "little-endian";
  const wide = machine.class === "ELF64";
  const processors: Record<string, string | undefined> = {
    "x86-64": wide ? "x86_64" : undefined,
    i386: "i686",
    aarch64: little ? "aarch64" : undefined,
    arm: little ? "armv7l" : undefined,
    riscv: wide ? "riscv64" : "riscv32",
    ppc64: little ? "powerpc64le" : "powerpc64",
    s390: wide ? "s390x" : undefined,
    loongarch: wide ? "loongarch64" : undefined,
    mips: `mips${wide ? "64" : ""}${little ? "el" : ""}`,
  };
  return processors[machine.machine] ?? null;
}

/** "x86_64_linux": the suffix of a variable that is for one machine only. */
export function variableSuffix(system: string): string {
  return system.replaceAll("-", "_");
}
