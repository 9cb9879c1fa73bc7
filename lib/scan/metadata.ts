// What a scan's file records about itself, besides its rows: when parts are collected, it shows whether all are there
// and belong together.
import { native } from "../addon/native.js";
import { packageVersion } from "../addon/package_directory.js";
import { bytesOf, spelledOut } from "../base/bytes.js";
import { statSync } from "../base/disk.js";
import type { ScanFilter } from "./filter.js";
import type { Shard } from "./scan.js";

/** Changes whenever a column's name, type or meaning does. */
export const scanSchema = "fixelf.scan/1";

/** What was scanned, and by what. */
export interface ScanDescription {
  /** The directories, or those that contain what a list names. */
  roots: readonly string[];
  /** The entries that a list names. */
  list?: readonly string[];
  /** Another system's root. */
  root?: string;
  filter: ScanFilter;
  shard: Shard;
}

/** As stored in a file; all names begin with `fixelf.`. */
export async function metadataOf(scan: ScanDescription): Promise<Map<string, string>> {
  const { roots, list, root, filter, shard } = scan;
  return new Map([
    ["fixelf.version", packageVersion()],
    ["fixelf.schema", scanSchema],
    ["fixelf.shard", `${shard.number}/${shard.count}`],
    ["fixelf.roots", JSON.stringify(roots.map(spelledOut))],
    ...(list === undefined ? [] : ([["fixelf.list", `sha256:${await digestOf(list)}`]] as const)),
    ...(root === undefined ? [] : ([["fixelf.root", spelledOut(root)]] as const)),
    ["fixelf.filter", JSON.stringify(filter)],
    ["fixelf.time", changedAt(roots, root).toISOString()],
  ]);
}

async function digestOf(names: readonly string[]): Promise<string> {
  const { createHash } = await import("node:crypto"); // for lists only: it takes 4 ms to load
  return createHash("sha256")
    .update(bytesOf(names.join("\0")))
    .digest("hex");
}

/**
 * When the roots last changed, not the current time: the same store gives the same bytes. Never later than
 * SOURCE_DATE_EPOCH (reproducible-builds.org).
 */
function changedAt(roots: readonly string[], root: string | undefined): Date {
  const files = root === undefined ? null : new native.Files(root);
  const times = roots.map((path) => changed(files === null ? path : files.hostPath(path)));
  const epoch = process.env.SOURCE_DATE_EPOCH ?? "";
  const latest = /^\d{1,12}$/.test(epoch) ? Number(epoch) * 1000 : Number.POSITIVE_INFINITY;
  return new Date(Math.min(latest, Math.max(0, ...times)));
}

/** Milliseconds since 1970; 0 if unknown. */
function changed(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
