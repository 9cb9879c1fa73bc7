// The index, up to date. Where the store's directory has not changed, neither has anything in it,
// and all that is read is the directory's times.
import type { StorePlace } from "../place.js";
import { identityOf, isCurrent } from "./directory.js";
import { Environment, isAbsence } from "./environment.js";
import type { Tell } from "./event.js";
import type { DirectoryIdentity, State, StorePathContent } from "./format.js";
import { IndexDamage } from "./pages.js";
import { IndexReader } from "./reader.js";
import { type Recent, readRecent } from "./recent.js";

/** An index that agrees with the store. */
export interface FreshIndex {
  reader: IndexReader;
  /** What the reader does not have, or not as it is now: recent store paths, and unfinished ones. */
  beside: StorePathContent[];
}

const timesToTry = 5;

/**
 * The index, after what it lacked was added and what is gone was dropped; null for a store that is
 * not there. `merged`: what is finished is not beside it.
 * @throws Error where it can't be kept: a full disk, no right to write, no build of LMDB
 */
export async function freshIndex(
  place: StorePlace,
  tell: Tell,
  { merged = false } = {},
): Promise<FreshIndex | null> {
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
      const recent = state && readRecent(environment.place(environment.generation()), state);
      if (reader !== null && state !== null && isAsRecorded(recent ?? state, now)) {
        if (recent === null) return { reader, beside: [] };
        if (!merged) return { reader, beside: recent.storePaths.map(({ content }) => content) };
      }
      const { Refresh } = await import("./refresh.js");
      const before = { reader, state, recent };
      const beside = await new Refresh(environment, place, before, tell).run(now, merged);
      if (beside !== null) {
        reader ??= new IndexReader(environment, environment.generation());
        return { reader, beside };
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

function isAsRecorded(recorded: State | Recent, now: DirectoryIdentity): boolean {
  return isCurrent(recorded, now) && recorded.unsettled.length === 0;
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
