// The index, up to date. Where the store's directory has not changed, neither has anything in it,
// and all that is read is the directory's times.
import type { StorePlace } from "../place.js";
import { identityOf, isCurrent } from "./directory.js";
import { Environment, isAbsence } from "./environment.js";
import type { Tell } from "./event.js";
import type { StorePathContent } from "./format.js";
import { IndexDamage } from "./pages.js";
import { IndexReader } from "./reader.js";

/** An index that agrees with the store. */
export interface FreshIndex {
  reader: IndexReader;
  /** Store paths that are still being written: read for this answer, and not recorded. */
  unsettled: StorePathContent[];
}

const timesToTry = 5;

/**
 * The index, after what it lacked was added and what is gone was dropped; null for a store that is
 * not there.
 * @throws Error where it can't be kept: a full disk, no right to write, no build of LMDB
 */
export async function freshIndex(place: StorePlace, tell: Tell): Promise<FreshIndex | null> {
  const environment = new Environment(place);
  let reader = openReader(environment, tell);
  for (let time = 0; time < timesToTry; time++) {
    const now = identityOf(place);
    if (now === null) {
      reader?.close();
      return null;
    }
    try {
      const state = reader?.state() ?? null;
      if (
        reader !== null &&
        state !== null &&
        isCurrent(state, now) &&
        state.unsettled.length === 0
      )
        return { reader, unsettled: [] };
      const { Refresh } = await import("./refresh.js");
      const unsettled = await new Refresh(environment, place, reader, state, tell).run(now);
      if (unsettled !== null) {
        reader ??= new IndexReader(environment, environment.generation());
        return { reader, unsettled };
      }
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
      tell({ kind: "trouble", message: `the index is built anew: ${failure.message}` });
      reader?.close();
      environment.renew();
      reader = null;
    }
  }
  throw new Error("the store and its index are changed too often by others");
}

function openReader(environment: Environment, tell: Tell): IndexReader | null {
  const generation = environment.generation();
  if (generation === 0) return null;
  try {
    return new IndexReader(environment, generation);
  } catch (failure) {
    if (isAbsence(failure)) return null;
    if (!(failure instanceof IndexDamage)) throw failure;
    tell({ kind: "trouble", message: `the index is built anew: ${failure.message}` });
    environment.renew();
    return null;
  }
}
