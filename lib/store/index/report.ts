// What can be reported about the index itself.

import { underSignal } from "../../addon/cancellation.js";
import { checkOptions } from "../../base/arguments.js";
import type { IndexEvent } from "../../base/options.js";
import { checkPlace, type StorePlace } from "../place.js";
import { IndexDamage } from "./damage.js";
import { freshIndex } from "./fresh.js";
import { entriesOf } from "./listing.js";
import { indexPath, removeIndexDirectory } from "./location.js";
import type { FreshIndex } from "./refresh.js";

/** What the index of a store holds. */
export interface IndexReport {
  /** The directory that holds it. */
  path: string;
  /** How many store paths are in it. */
  storePaths: number;
  /** How many ELF files with a library's name it has in library directories, counting each once. */
  elfFiles: number;
  /** How many sonames these have. */
  sonames: number;
  /** How many file names there are in library directories. */
  libraryNames: number;
  /** How many store paths are not in it because they are still being written. */
  unsettled: number;
  /** Bytes. */
  size: number;
  /** When it was last found to differ from the store and brought up to date. */
  refreshed: Date;
}

/** How an index is brought up to date. */
export interface ReportOptions {
  /** Whether it is rebuilt. Default false. */
  rebuild?: boolean;
  /** Told about progress, and if the index cannot be used. */
  onIndex?: (event: IndexEvent) => void;
  /** Ends the call: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/**
 * Brings the index up to date and describes it; null for a store that does not exist.
 * @throws FixelfError `permission-denied`, `no-space` or `io` if it cannot be kept, `busy` if another process takes
 *   minutes to write it
 */
export async function reportIndex(
  place: StorePlace,
  options: ReportOptions = {},
): Promise<IndexReport | null> {
  checkPlace("reportIndex", place);
  checkOptions<ReportOptions>("reportIndex", options, {
    rebuild: "boolean",
    onIndex: "function",
    signal: "AbortSignal",
  });
  return underSignal(options.signal, () => report(place, options));
}

async function report(
  place: StorePlace,
  { rebuild = false, onIndex = () => {} }: ReportOptions,
): Promise<IndexReport | null> {
  const index = await freshIndex(place, onIndex, { merged: true, rebuild });
  if (index === null) return null;
  try {
    return described(index, place);
  } catch (failure) {
    if (!(failure instanceof IndexDamage) || rebuild) throw failure;
    // Only here is all of it read.
    onIndex({ kind: "trouble", message: `the index is rebuilt: ${failure.message}` });
    return report(place, { rebuild: true, onIndex });
  } finally {
    index.reader.close();
  }
}

function described({ reader, beside }: FreshIndex, place: StorePlace): IndexReport {
  let elfFiles = 0;
  const sonames = new Set<string>();
  for (const { soname } of reader.allFacts()) {
    elfFiles++;
    if (soname !== null) sonames.add(soname);
  }
  return {
    path: indexPath(place),
    storePaths: entriesOf(reader.known()).size,
    elfFiles,
    sonames: sonames.size,
    libraryNames: reader.names("").size,
    unsettled: beside.length,
    size: reader.size,
    refreshed: new Date(Number(BigInt(reader.state.listed) / 1_000_000n)),
  };
}

/**
 * Removes the index of a store; returns whether there was one.
 * @throws FixelfError `permission-denied` if it is another user's
 */
export function removeIndex(place: StorePlace): boolean {
  checkPlace("removeIndex", place);
  return removeIndexDirectory(indexPath(place));
}
