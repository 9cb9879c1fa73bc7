// Where a store is: on this machine, or under another system's root. Every path that lib/store
// hands out is as seen from the root, because that is what gets written into a file.
import { normalize } from "node:path";
import { asNamed, fromNative, native } from "../addon/native.js";
import { checkMade, checkOptions, type Kinds } from "../base/arguments.js";
import { lstatSync, realpathSync } from "../base/disk.js";
import { type CommonOptions, defaultStore } from "../base/options.js";
import { absolute } from "../base/process.js";

/** Where a store is. */
export interface StorePlace {
  /** The host directory that serves as "/"; "" for this machine. */
  root: string;
  /** As seen from the root. */
  store: string;
  /** What the running system is made of, as seen from the root. */
  system: string;
  /** Where this machine finds the store, if a link of the root leads to it. */
  hostStore?: string;
}

const placeKinds: Kinds<StorePlace> = {
  root: "string",
  store: "absolute path",
  system: "absolute path",
  hostStore: "string",
};

/** @throws FixelfError `usage` where it is none of `storePlace` */
export function checkPlace(call: string, place: StorePlace): void {
  const { hostStore: _, ...present } = placeKinds;
  checkMade(call, "the place", "storePlace()", place, present);
}

const defaultSystem = "/run/current-system/sw";

/**
 * Fills in the defaults, and takes the slashes off the ends.
 * @throws FixelfError `usage` for names that it does not have; `io` where the store's links go in a circle
 */
export function storePlace(given: Partial<StorePlace> = {}): StorePlace {
  checkOptions("storePlace", given, placeKinds);
  return placeOf(given);
}

/** The same for options that have been checked, with others beside these. */
export function placeOf(given: Partial<StorePlace> = {}): StorePlace {
  const named = given.root ? absolute(given.root) : "";
  const root = named === "/" ? "" : named;
  const store = withoutTrailingSlash(given.store ?? defaultStore);
  const system = withoutTrailingSlash(given.system ?? defaultSystem);
  const isLinked = root !== "" && ifWithoutLinks(store, root) === undefined;
  return { root, store, system, ...(isLinked && { hostStore: throughLinks(store, root) }) };
}

/** Links are followed inside the root, as after a chroot. */
function throughLinks(store: string, root: string): string {
  const files = new native.Files(root);
  try {
    files.realPath(store);
  } catch (caught) {
    if (fromNative(caught).code !== "not-found") throw asNamed(caught, root + store);
  }
  return files.hostPath(store);
}

/** The options that name the place to a command: what is not so anyway. */
export function placeOptions({
  root,
  store,
  system,
}: StorePlace): Pick<CommonOptions, "root" | "store" | "system"> {
  return {
    ...(root !== "" && { root }),
    ...(store !== defaultStore && { store }),
    ...(system !== defaultSystem && { system }),
  };
}

/** A set of store paths, asked only whether it has one. */
export interface StorePaths {
  /** Whether it has the store path. */
  has(storePath: string): boolean;
}

/** Where this machine finds a path of the root, when no directory of it but the store is an absolute link. */
export function hostPath(path: string, { root, store, hostStore }: StorePlace): string {
  if (hostStore === undefined || !`${path}/`.startsWith(`${store}/`)) return root + path;
  return hostStore + path.slice(store.length);
}

/** Whether a path is below the store. */
export function inStore(path: string, store: string): boolean {
  return normalize(path).startsWith(`${store}/`);
}

/** "/nix/store/<hash>-<name>" of a path at or below it; null elsewhere. */
export function storePathOf(path: string, store: string): string | null {
  if (!inStore(path, store)) return null;
  const entry = normalize(path)
    .slice(store.length + 1)
    .split("/", 1)[0];
  return entry !== undefined && isStoreEntry(entry) ? `${store}/${entry}` : null;
}

/** Whether a directory entry of the store is a store path (".links" and lock files are not). */
export function isStoreEntry(entry: string): boolean {
  return /^[0-9a-z]{32}-[^/]+$/.test(entry) && !entry.endsWith(".lock");
}

/** The name of a store path, without directory and hash. */
export function nameOf(storePath: string): string {
  return storePath.slice(storePath.lastIndexOf("/") + 1).replace(/^[0-9a-z]{32}-/, "");
}

/** The path without symbolic links, as seen from the root; null when it leads nowhere. */
export async function realPathIn(path: string, place: StorePlace): Promise<string | null> {
  try {
    // One system call or two: a thread to wait for it would take longer.
    if (place.root === "") return realpathSync(path);
    const unlinked = ifWithoutLinks(path, place.root);
    if (unlinked !== undefined) return unlinked;
    // realpath(3) would take an absolute link of the root for one of this machine.
    return new native.Files(place.root).realPath(path);
  } catch {
    return null;
  }
}

/**
 * The path itself, or null when it leads nowhere; undefined where a link has to be followed. Most often
 * there is none, and the addon need not be loaded.
 */
function ifWithoutLinks(path: string, root: string): string | null | undefined {
  if (!path.startsWith("/") || path.endsWith("/") || normalize(path) !== path) return undefined;
  for (let end = 0; end >= 0; ) {
    end = path.indexOf("/", end + 1);
    const above = end < 0 ? path : path.slice(0, end);
    const status = lstatSync(root + above, { throwIfNoEntry: false });
    if (status === undefined) return null;
    if (status.isSymbolicLink()) return undefined;
  }
  return path;
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}
