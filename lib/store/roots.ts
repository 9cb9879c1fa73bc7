// The GC roots of another system's root, read without Nix: `nix-store --gc --print-roots` removes indirect roots whose
// link is missing, and would look for the image's links on this machine.
import { dirname, resolve } from "node:path";
import { lstatSync, readdir, readdirSync, readlink, readlinkSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { defaultStore } from "../base/options.js";
import { hostPath, realPathIn, type StorePlace, storePathOf } from "./place.js";

/** What keeps a store path from being collected. */
export interface GcRoot {
  /** The link that keeps it, or "{censored}" if Nix does not say. */
  link: string;
  path: string;
}

const rootDirectories = ["/nix/var/nix/gcroots", "/nix/var/nix/profiles"];

/** Links below Nix's root directories that lead into the store; null if there are none to read. */
export async function readRootLinks(place: StorePlace): Promise<GcRoot[] | null> {
  const roots: GcRoot[] = [];
  const visit = async (directory: string): Promise<boolean> => {
    const entries = await readdir(hostPath(directory, place), { withFileTypes: true }).catch(
      unlessOfTheMoment(null),
    );
    for (const entry of entries ?? []) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        await visit(path);
      } else if (entry.isSymbolicLink()) {
        const real = await realPathIn(path, place);
        const storePath = real && storePathOf(real, place.store);
        if (storePath) roots.push({ link: await indirectLink(path, place), path: storePath });
      }
    }
    return entries !== null;
  };
  let known = false;
  for (const directory of rootDirectories) known = (await visit(directory)) || known;
  return known ? roots : null;
}

/** gcroots/auto/<hash> only points to the link that the user knows. */
async function indirectLink(path: string, place: StorePlace): Promise<string> {
  if (!path.includes("/gcroots/auto/")) return path;
  return readlink(hostPath(path, place)).catch(() => path);
}

/** If any of these is set, Nix looks elsewhere (libstore/globals.cc). */
const elsewhere = [
  "NIX_STATE_DIR",
  "NIX_LOCALSTATE_DIR",
  "NIX_STORE",
  "NIX_STORE_DIR",
  "NIX_CONF_DIR",
];

/**
 * This machine's roots, by the rules of Nix's LocalStore::findRoots (libstore/gc.cc): links into the store, and links
 * to such links, but no further. null if only Nix can tell.
 */
export function readOwnRootLinks(): GcRoot[] | null {
  if (elsewhere.some((name) => process.env[name] !== undefined)) return null;
  if (!["", "auto", "daemon", "local"].includes(process.env.NIX_REMOTE ?? "")) return null;
  const roots: GcRoot[] = [];
  const add = (link: string, target: string) => {
    const path = storePathOf(target, defaultStore);
    // An invalid path is not a root; if one is left, asking Nix for its closure will show it.
    if (path !== null && lstatSync(path, { throwIfNoEntry: false })) roots.push({ link, path });
  };
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) add(path, `${defaultStore}/${entry.name}`);
      else if (entry.isSymbolicLink()) {
        const target = resolve(dirname(path), readlinkSync(path));
        if (storePathOf(target, defaultStore) !== null) add(path, target);
        else if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink())
          add(target, resolve(dirname(target), readlinkSync(target)));
      }
    }
  };
  try {
    for (const directory of rootDirectories) visit(directory);
  } catch (failure) {
    // Another user's, or one that changed just now.
    return unlessOfTheMoment(null)(failure);
  }
  return roots;
}
