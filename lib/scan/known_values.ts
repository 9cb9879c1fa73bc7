// The values that a column can have, if their number is limited: a mistyped one would find nothing.
import type { Facts } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import { nearest } from "../base/nearest.js";
import { machineAliases, machineNamed } from "../file/machine.js";
import { glob } from "./glob.js";

type Closed = "class" | "byteOrder" | "type" | "dynamicTable" | "relro";

/** Each with all of its values; the compiler reports missing ones. */
const values: { [Name in Closed]: Record<Facts[Name], true> } = {
  class: { ELF32: true, ELF64: true },
  byteOrder: { "little-endian": true, "big-endian": true },
  type: {
    executable: true,
    pie: true,
    "shared-library": true,
    static: true,
    "static-pie": true,
    relocatable: true,
    core: true,
    "debug-information": true,
    other: true,
  },
  dynamicTable: { present: true, unread: true, none: true },
  relro: { none: true, partial: true, full: true },
};

/**
 * The value, or glob, to compare a column with; for a machine, the name used in `Facts`.
 * @throws FixelfError `usage` if the column has no such value
 */
export function knownValue(column: string, text: string): string {
  if (column === "machine") return knownMachine(text, "--where: machine");
  const known = Object.hasOwn(values, column) ? Object.keys(values[column as Closed]) : null;
  if (known === null || known.some(glob(text))) return text;
  const meant = nearest(text, known) ?? known.find((value) => value.startsWith(text));
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new FixelfError(
    "usage",
    `--where: ${column}: ${text} is none of ${known.join(", ")}${hint}`,
  );
}

/** A mistyped name would silently find nothing. A number may belong to a machine with a name. */
export function knownMachine(text: string, asked: string): string {
  const named = native.machineNames();
  const nameOf = (number: number) => named[number] ?? `machine-${number}`;
  const number = /^machine-(0|[1-9]\d{0,4})$/.exec(text)?.[1];
  const name = number === undefined ? machineNamed(text) : nameOf(Number(number));
  const fits = glob(name);
  const names = [...new Set(Object.values(named))].sort();
  if (names.some(fits) || machineNumbers().some((each) => fits(nameOf(each)))) return name;
  const meant = nearest(text, [...names, ...machineAliases]);
  const hint = meant === null ? "" : `; did you mean ${meant}?`;
  throw new FixelfError(
    "usage",
    `${asked}: ${text} is none of ${names.join(", ")}, machine-N (N from 0 to ${lastMachine})${hint}`,
  );
}

/** gABI, ELF header: e_machine is an Elf32_Half. */
const lastMachine = 0xffff;

const machineNumbers = () => Array.from({ length: lastMachine + 1 }, (_, number) => number);
