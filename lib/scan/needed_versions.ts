// The symbol versions that a file needs, of whichever library.
import type { ScanBatch } from "./batch.js";

/** The names of all versions that a row needs. */
export function neededVersions(batch: ScanBatch, row: number): string[] {
  const needed = batch.value("versionsNeeded", row) as { versions: { name: string }[] }[];
  return needed.flatMap(({ versions }) => versions.map(({ name }) => name));
}
