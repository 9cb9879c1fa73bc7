// Which ELF files kernels and loaders have to do with.
import type { Facts } from "../addon/facts.js";

const neverOpened: ReadonlySet<Facts["type"]> = new Set([
  "relocatable",
  "core",
  "debug-information",
  "other",
]);

/** Not objects, cores and split debug information, which only tools open. */
export function isOpenedByLoaders({ type }: Pick<Facts, "type">): boolean {
  return !neverOpened.has(type);
}

/** Whether the kernel starts it by a loader: a library may name one too, to be run for its banner. */
export function isStartedByLoader({
  type,
  interpreter,
}: Pick<Facts, "type" | "interpreter">): boolean {
  return type !== "shared-library" && interpreter !== null;
}
