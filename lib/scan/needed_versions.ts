// The symbol versions that a file needs, from any library.
import type { ScanBatch } from "./batch.js";

/** Versions that are named after what they promise, and the release that introduced each (glibc's NEWS). */
const releases: Readonly<Record<string, string>> = {
  GLIBC_ABI_DT_RELR: "GLIBC_2.36",
};

/** The comparable version, for one that belongs to a release. */
export function releaseOf(version: string): string {
  return releases[version] ?? version;
}

/** The names of all versions that a row needs. */
export function neededVersions(batch: ScanBatch, row: number): string[] {
  const needed = batch.value("versionsNeeded", row) as { versions: { name: string }[] }[];
  return needed.flatMap(({ versions }) => versions.map(({ name }) => name));
}
