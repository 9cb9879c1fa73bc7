// What store paths contain, read from disk: the index learns everything here.
import { native } from "../../addon/native.js";
import type { StorePlace } from "../place.js";
import type { StorePathContent } from "./format.js";

/** As much of a store path as could be read. */
interface Scanned extends StorePathContent {
  complete: boolean;
}

/** Store paths: enough to keep all threads busy, few enough to hold in memory. */
const atOnce = 256;

/**
 * Reads store paths in the given order, some of them ahead; one that has vanished is empty.
 * @throws FixelfError if the system has too few descriptors or too little memory
 */
export async function* scanStorePaths(
  names: readonly string[],
  place: StorePlace,
): AsyncGenerator<Scanned> {
  const read = (start: number) => {
    const reading = native.libraries(place, names.slice(start, start + atOnce), true);
    // A rejection before its turn is handled in its turn.
    reading.catch(() => {});
    return reading;
  };
  let ahead = names.length > 0 ? read(0) : undefined;
  for (let start = 0; ahead !== undefined; start += atOnce) {
    const contents = await ahead;
    ahead = start + atOnce < names.length ? read(start + atOnce) : undefined;
    for (const [index, content] of contents.entries())
      yield { name: names[start + index] as string, ...content };
  }
}
