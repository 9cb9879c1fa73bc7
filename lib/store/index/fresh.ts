// The index, up to date. If the store's directory has not changed, neither has anything in it, and only the directory's
// times are read.

import type { Tell } from "../../base/options.js";
import type { StorePlace } from "../place.js";
import { IndexDamage } from "./damage.js";
import { identityOf, isCurrent } from "./directory.js";
import { indexPath } from "./location.js";
import { OwnDirectory } from "./own_directory.js";
import { IndexReader } from "./reader.js";
import type { FreshIndex, RefreshOptions } from "./refresh.js";

const timesToTry = 5;

/**
 * The index, after adding what it lacked and dropping what is gone; null for a store that does not exist, or while
 * another process is building the index.
 * @throws FixelfError if it cannot be kept: a full disk, no write permission, another user's cache
 */
export async function freshIndex(
  place: StorePlace,
  tell: Tell,
  { merged = false, rebuild = false, at = () => {} }: Partial<RefreshOptions> = {},
): Promise<FreshIndex | null> {
  const path = indexPath(place);
  let isRebuilt = rebuild;
  for (let time = 0; time < timesToTry; time++) {
    try {
      const reader = isRebuilt ? null : readerOfNow(path, place, merged);
      if (reader !== null) return { reader, beside: [] };
      if (identityOf(place) === null) return null;
      const { Refresh } = await import("./refresh.js");
      const options = { merged, rebuild: isRebuilt, at };
      const fresh = await new Refresh(place, path, tell, options).run();
      if (fresh !== "again") return fresh;
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
      tell({ kind: "trouble", message: `the index is rebuilt: ${failure.message}` });
      isRebuilt = true;
    }
  }
  throw new Error("the store and its index are changed too often by others");
}

/** null if it has to be refreshed or does not exist. */
function readerOfNow(path: string, place: StorePlace, merged: boolean): IndexReader | null {
  const directory = OwnDirectory.open(path);
  if (directory === null) return null;
  try {
    const reader = IndexReader.open(directory, place);
    if (reader === null) return null;
    const now = identityOf(place);
    const { state } = reader;
    if (
      now !== null &&
      isCurrent(state, now) &&
      state.unsettled.length === 0 &&
      (reader.isWhole || !merged)
    )
      return reader;
    reader.close();
    return null;
  } finally {
    directory.close();
  }
}
