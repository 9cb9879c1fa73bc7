// Facts of files as seen from a root, each read once. Files that cannot be read are counted, not thrown: among a
// store's thousands of candidates there are linker scripts and broken links.

import type { Facts } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { isOfTheMoment } from "../base/errors.js";
import { hostPath, realPathIn, type StorePlace } from "./place.js";

export interface Inspected {
  /** Without symbolic links, as seen from the root. */
  realPath: string;
  /** `path` is the real path here too. */
  facts: Facts;
}

/** Reads files for lib/store. */
export interface Inspector {
  /** null if it does not exist, is not ELF, or is not readable. */
  inspect(path: string): Promise<Inspected | null>;
  /** How many could not be read. */
  readonly failures: number;
}

/** Reads through the addon, and remembers what it has read. */
export class NativeInspector implements Inspector {
  failures = 0;
  readonly #place: StorePlace;
  readonly #known = new Map<string, Promise<Facts | null>>();

  constructor(place: StorePlace) {
    this.#place = place;
  }

  async inspect(path: string): Promise<Inspected | null> {
    const realPath = await realPathIn(path, this.#place);
    if (realPath === null) {
      this.failures++;
      return null;
    }
    let reading = this.#known.get(realPath);
    if (reading === undefined) {
      reading = this.#read(realPath);
      this.#known.set(realPath, reading);
    }
    const facts = await reading;
    return facts && { realPath, facts };
  }

  async #read(realPath: string): Promise<Facts | null> {
    try {
      return { ...(await native.inspect(hostPath(realPath, this.#place))), path: realPath };
    } catch (failure) {
      if (isOfTheMoment(failure)) throw failure;
      this.failures++;
      return null;
    }
  }
}
