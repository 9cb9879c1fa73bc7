// What can be said of the index itself.
import type { StorePlace } from "../place.js";
import { Environment } from "./environment.js";
import type { Tell } from "./event.js";
import { freshIndex } from "./fresh.js";
import { entriesOf } from "./listing.js";

export interface IndexReport {
  /** The directory that holds it. */
  path: string;
  storePaths: number;
  elfFiles: number;
  /** Different ones. */
  sonames: number;
  /** Different names of files, where libraries live. */
  libraryNames: number;
  /** Store paths that are still being written, and not in it. */
  unsettled: number;
  /** Bytes. */
  size: number;
  /** When it was last found to differ from the store and brought up to date. */
  refreshed: Date;
}

/**
 * Brings the index up to date and describes it; null for a store that is not there.
 * @throws Error where it can't be kept
 */
export async function reportIndex(
  place: StorePlace,
  { rebuild = false, onIndex = () => {} }: { rebuild?: boolean; onIndex?: Tell } = {},
): Promise<IndexReport | null> {
  const environment = new Environment(place);
  if (rebuild && environment.generation() > 0) environment.renew();
  const index = await freshIndex(place, onIndex, { merged: true });
  if (index === null) return null;
  const { reader } = index;
  const state = reader.state();
  return {
    path: environment.place(environment.generation()),
    storePaths: entriesOf(reader.known()).size,
    elfFiles: state?.elfFiles ?? 0,
    sonames: reader.names("s", "").length,
    libraryNames: reader.names("n", "").length,
    unsettled: index.beside.length,
    size: environment.size(environment.generation()),
    refreshed: new Date(Number(BigInt(state?.listed ?? 0) / 1_000_000n)),
  };
}

/** Removes the index of a store; whether there was one. */
export function removeIndex(place: StorePlace): boolean {
  return new Environment(place).remove();
}
