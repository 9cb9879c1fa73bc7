// Which store path holds a file with a given name. One pass over the directories where libraries are
// (native/index/libraries.hpp); nothing is opened, because a store holds hundreds of thousands of them.
import { native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import { entriesOf } from "./index/listing.js";
import { hostPath, type StorePlace } from "./place.js";

/** Which paths have a file with a given name: absolute, as seen from the root, sorted. */
export interface Libraries {
  /** The paths that end in the name. */
  paths(name: string): readonly string[];
  /** The names that begin with the given text. */
  names(beginning: string): string[];
}

/**
 * Lists the libraries of every store path; a store that does not exist or may not be listed has none.
 * @throws FixelfError if the system has too few descriptors or too little memory
 */
export async function listLibraries(place: StorePlace): Promise<Libraries> {
  const storePaths = await storePathsOf(place);
  const found = await native.libraries(place, storePaths, false);
  const index = new Map<string, string[]>();
  for (const [at, { libraries }] of found.entries()) {
    for (const { name, path } of libraries) {
      const whole = `${place.store}/${storePaths[at]}/${path}`;
      const paths = index.get(name);
      if (paths) paths.push(whole);
      else index.set(name, [whole]);
    }
  }
  for (const paths of index.values()) paths.sort();
  return {
    paths: (name) => index.get(name) ?? [],
    names: (beginning) => [...index.keys()].filter((name) => name.startsWith(beginning)),
  };
}

async function storePathsOf(place: StorePlace): Promise<string[]> {
  try {
    const listing = await native.listStore(hostPath(place.store, place));
    return [...entriesOf(listing).keys()];
  } catch (failure) {
    if (FixelfError.is(failure) && ["not-found", "permission-denied"].includes(failure.code))
      return [];
    throw failure;
  }
}
