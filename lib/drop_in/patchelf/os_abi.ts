// The names that patchelf has for the values of EI_OSABI (gABI, "ELF Identification").
import { failure } from "./failure.js";

const printed = new Map([
  [0, "System V"],
  [1, "HP-UX"],
  [2, "NetBSD"],
  [3, "Linux"],
  [4, "GNU Hurd"],
  [6, "Solaris"],
  [7, "AIX"],
  [8, "IRIX"],
  [9, "FreeBSD"],
  [10, "Tru64"],
  [12, "OpenBSD"],
  [13, "OpenVMS"],
]);

const alsoUnderstood = new Map([
  ["system-v", 0],
  ["sysv", 0],
  ["gnu", 3],
  ["gnu-hurd", 4],
  ["hurd", 4],
]);

export function osAbiText(value: number): string {
  return printed.get(value) ?? `0x${value.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** @throws FixelfError `usage` */
export function osAbiValue(name: string): number {
  const wanted = name.trim().toLowerCase();
  const byText = [...printed].find(([, text]) => text.toLowerCase() === wanted)?.[0];
  const value = byText ?? alsoUnderstood.get(wanted);
  if (value === undefined) throw failure("usage", "unrecognized OS ABI");
  return value;
}
