// What a program really needs from the store, compared with what Nix keeps for it.
//
// Nix keeps every store path whose name occurs in the bytes of one that it keeps; the loader opens files in a few of
// them. That a store path is never loaded does not mean that it is useless: it may hold data, or programs that are
// started, or libraries that are opened while the program runs.

import { underSignal } from "../addon/cancellation.js";
import { native } from "../addon/native.js";
import { checkOptions, checkPath } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { type CommonOptions, commonKinds } from "../base/options.js";
import type { Circumstances } from "../doctor/circumstances.js";
import { readTree, type Unread, unreadBelow } from "../file/tree.js";
import { Store } from "../store/context.js";
import type { PathInfo } from "../store/nix.js";
import { placeOf, storePathOf } from "../store/place.js";
import { findLinked } from "./links.js";
import { findLoaded, type LoadedFile } from "./loaded.js";
import { findNeverLoaded, type NeverLoaded } from "./never_loaded.js";
import { type Size, sizesOf } from "./size.js";

/** A store path that a program needs. */
export interface NeededPath extends Size {
  /** A store path. */
  path: string;
  /** The files in it that are opened; empty for a program's own store path. */
  files: string[];
}

/** What a program needs from the store, and what else Nix keeps for it. */
export interface Closure {
  /** As the caller named it. */
  path: string;
  /** Its own store path; null for a file outside the store. */
  storePath: string | null;
  /** How many programs and libraries were examined. */
  examined: number;
  /** Its own store path, and those from which the loader opens files, the largest first. */
  needed: NeededPath[];
  /** Bytes. */
  neededSize: number;
  /**
   * The closure that Nix has recorded: the number of store `paths`, and the total of their narSize as `size`, in bytes;
   * null if not known.
   */
  recorded: { paths: number; size: number } | null;
  /** Why `recorded` is null. */
  whyUnknown: string | null;
  /** In Nix's closure, but nothing in it is opened. */
  neverLoaded: NeverLoaded[];
  /** Bytes: what would be freed if all of them were removed. */
  neverLoadedSize: number;
  /**
   * Opened, but not in Nix's closure, so that garbage collection may remove it: the store `path`, and its `files` that
   * are opened.
   */
  unprotected: { path: string; files: LoadedFile[] }[];
  /** Opened from outside the store. */
  outside: LoadedFile[];
  /** Files below it that could not be read: what they need is not known. */
  unread: Unread[];
  /** Libraries that were not found: the `soname`, and the file that it is `neededBy`. */
  notFound: { soname: string; neededBy: string }[];
}

/**
 * For a program or library, or all of them in a store path or tree.
 * @throws FixelfError `not-found`, `permission-denied`, or what is wrong with a file that was named
 */
export async function closure(path: string, options: CommonOptions = {}): Promise<Closure> {
  checkPath("closure", path);
  checkOptions("closure", options, commonKinds);
  return underSignal(options.signal, () => closureOf(path, options));
}

async function closureOf(path: string, options: CommonOptions): Promise<Closure> {
  const place = placeOf(options);
  const store = new Store(place);
  const files = new native.Files(place.root);
  const tree = await readTree(path, place);
  if (tree.outside) for (const { host } of tree.subjects) files.passThrough(host);
  const [only] = tree.subjects;
  if (!tree.directory && only?.failure) {
    throw new FixelfError(only.failure.code, only.failure.message, { path });
  }
  const told = { options, changeable: false };
  const circumstances: Circumstances = { place, store, files, tree, ...told, host: null };
  const storePath = tree.outside ? null : storePathOf(tree.path, place.store);

  const loaded = await findLoaded(circumstances, await findLinked(tree, place));
  const needed = new Map<string, readonly LoadedFile[]>(loaded.byStorePath);
  if (storePath !== null && !needed.has(storePath)) needed.set(storePath, []);

  const { nix } = store;
  let known: Map<string, PathInfo> | null = null;
  let whyUnknown: string | null = null;
  if (storePath === null) {
    whyUnknown = "it is not in a store path, so Nix keeps nothing for it";
  } else {
    const requisites = await nix.requisites([storePath]);
    known = requisites && (await nix.pathInfos(requisites));
    if (known === null) whyUnknown = nix.whyUnknown;
  }
  // Nix may know the sizes of a valid path even if its closure is not known.
  const infos = new Map(known ?? []);
  for (const other of needed.keys()) {
    if (infos.has(other) || (await nix.isValid(other)) !== true) continue;
    const info = await nix.pathInfo(other);
    if (info !== null) infos.set(other, info);
  }
  const sizes = await sizesOf(new Set([...needed.keys(), ...(known?.keys() ?? [])]), infos, place);
  const sizeOf = (at: string) => sizes.get(at)?.bytes ?? 0;
  const sum = (paths: Iterable<string>) => [...paths].reduce((all, at) => all + sizeOf(at), 0);

  const neverLoaded =
    known === null || storePath === null ? [] : findNeverLoaded(storePath, known, needed, sizeOf);
  return {
    path,
    storePath,
    examined: loaded.examined,
    needed: [...needed]
      .map(([at, opened]) => ({
        path: at,
        ...(sizes.get(at) as Size),
        files: opened.map((file) => file.path).sort(),
      }))
      .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1)),
    neededSize: sum(needed.keys()),
    recorded: known && { paths: known.size, size: sum(known.keys()) },
    whyUnknown,
    neverLoaded,
    neverLoadedSize: sum(neverLoaded.map((one) => one.path)),
    unprotected:
      known === null
        ? []
        : [...loaded.byStorePath]
            .filter(([at]) => !known.has(at))
            .map(([at, opened]) => ({ path: at, files: opened })),
    outside: loaded.outside,
    unread: unreadBelow(tree),
    notFound: loaded.notFound,
  };
}
