// Which machine a file is for, and whether it is this one.
import type { Facts } from "../addon/facts.js";
import { readFileSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/** What two files must share to be loaded into one process. */
export type Machine = Pick<Facts, "machine" | "class" | "byteOrder">;

export function sameMachine(first: Machine, second: Machine): boolean {
  return (
    first.machine === second.machine &&
    first.class === second.class &&
    first.byteOrder === second.byteOrder
  );
}

export function describeMachine({ machine, class: size, byteOrder }: Machine): string {
  return byteOrder === "big-endian" ? `${machine} (${size}, big-endian)` : `${machine} (${size})`;
}

/** What uname, Nix, Debian and Docker call a machine, if that differs from its name here. */
const aliases: Readonly<Record<string, string>> = {
  x86_64: "x86-64",
  amd64: "x86-64",
  arm64: "aarch64",
  i486: "i386",
  i586: "i386",
  i686: "i386",
  x86: "i386",
  armhf: "arm",
  armv6l: "arm",
  armv7l: "arm",
  riscv64: "riscv",
  ppc64el: "ppc64",
  ppc64le: "ppc64",
  powerpc64le: "ppc64",
  s390x: "s390",
  mips64el: "mips",
  mipsel: "mips",
  loongarch64: "loongarch",
  loong64: "loongarch",
  armel: "arm",
  armv5tel: "arm",
  hppa: "parisc",
  mips64: "mips",
  powerpc: "ppc",
  powerpc64: "ppc64",
  sh4: "sh",
  sparc64: "sparcv9",
};

export const machineAliases: readonly string[] = Object.keys(aliases);

/** The name used in `Facts` for one that people use; unknown names are returned unchanged. */
export function machineNamed(name: string): string {
  return aliases[name] ?? name;
}

const machinesByArchitecture: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86-64",
  arm64: "aarch64",
  ia32: "i386",
  arm: "arm",
  ppc64: "ppc64",
  s390x: "s390",
  riscv64: "riscv",
  loong64: "loongarch",
  mips: "mips",
  mipsel: "mips",
};

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  const facts = {
    machine: machinesByArchitecture[process.arch] ?? process.arch,
    class: ["ia32", "arm", "mips", "mipsel"].includes(process.arch) ? "ELF32" : "ELF64",
  } as const;
  const probe = new Uint8Array(new Uint16Array([1]).buffer);
  return { ...facts, byteOrder: probe[0] === 1 ? "little-endian" : "big-endian" };
}

/** Whether the kernel runs programs for a machine: its own, its 32-bit predecessor, or by binfmt_misc. */
export function kernelRuns(wanted: Machine): boolean {
  const own = thisMachine();
  if (sameMachine(wanted, own)) return true;
  const elder: Record<string, string> = { "x86-64": "i386", aarch64: "arm" };
  const isElder = elder[own.machine] === wanted.machine && wanted.class === "ELF32";
  const isX32 = own.machine === "x86-64" && wanted.machine === "x86-64";
  if ((isElder || isX32) && wanted.byteOrder === own.byteOrder) return true;
  return hasInterpreterFor(wanted.machine);
}

/** binfmt_misc hands foreign programs to qemu-user, under the names of qemu's targets. */
function hasInterpreterFor(machine: string): boolean {
  const target = machine === "x86-64" ? "x86_64" : machine;
  try {
    return readFileSync(`/proc/sys/fs/binfmt_misc/qemu-${target}`, "utf8").startsWith("enabled");
  } catch (failure) {
    return unlessOfTheMoment(false)(failure);
  }
}
