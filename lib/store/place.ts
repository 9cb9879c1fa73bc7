// Where a store is: on this machine, or under another system's root. Every path that lib/store hands out is as seen
// from the root, because that is what gets written into a file.
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
  /** What the running system consists of, as seen from the root. */
  system: string;
  /** Where this machine finds the store, if a link in the root leads to it. */
  hostStore?: string;
}

const placeKinds: Kinds<StorePlace> = {
  root: "string",
  store: "absolute path",
  system: "absolute path",
  hostStore: "string",
};

/** @throws FixelfError `usage` if it was not made by `storePlace` */
export function checkPlace(call: string, place: StorePlace): void {
  const { hostStore: _, ...present } = placeKinds;
  checkMade(call, "the place", "storePlace()", place, present);
}

const defaultSystem = "/run/current-system/sw";

/**
 * Fills in the defaults, and removes trailing slashes.
 * @throws FixelfError `usage` for names that it does not have; `io` if the store's links form a loop
 */
export function storePlace(given: Partial<StorePlace> = {}): StorePlace {
  checkOptions("storePlace", given, placeKinds);
  return placeOf(given);
}

/** The same for options that have already been checked, and may include others. */
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

/** The command-line options that name the place, omitting defaults. */
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

/** A set of store paths that can only be tested for membership. */
export interface StorePaths {
  /** Whether it contains the store path. */
  has(storePath: string): boolean;
}

/**
 * Where this machine finds a path in the root, provided that no directory in it except the store is an absolute link.
 */
export function hostPath(path: string, { root, store, hostStore }: StorePlace): string {
  if (hostStore === undefined || !`${path}/`.startsWith(`${store}/`)) return root + path;
  return hostStore + path.slice(store.length);
}

/** Whether a path is below the store. */
export function inStore(path: string, store: string): boolean {
  return normalize(path).startsWith(`${store}/`);
}

/** "/nix/store/<hash>-<name>" for a path at or below it; null elsewhere. */
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

/** The path without symbolic links, as seen from the root; null if it leads nowhere. */
export async function realPathIn(path: string, place: StorePlace): Promise<string | null> {
  try {
    // One or two system calls: waiting for a thread would take longer.
    if (place.root === "") return realpathSync(path);
    const unlinked = ifWithoutLinks(path, place.root);
    if (unlinked !== undefined) return unlinked;
    // realpath(3) would resolve an absolute link in the root against this machine.
    return new native.Files(place.root).realPath(path);
  } catch {
    return null;
  }
}

/**
 * The path itself, or null if it leads nowhere; undefined if a link has to be followed. Usually there is none, and the
 * addon need not be loaded.
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
