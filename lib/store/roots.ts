// The GC roots of another system's root, read without Nix: `nix-store --gc --print-roots` removes
// indirect roots whose link is missing, and would look for the image's links on this machine.
import { readdir, readlink } from "node:fs/promises";
import { hostPath, realPathIn, type StorePlace, storePathOf } from "./place.js";

/** What keeps a store path from being collected. */
export interface GcRoot {
  /** The link that keeps it, or "{censored}" where Nix does not say. */
  link: string;
  path: string;
}

const rootDirectories = ["/nix/var/nix/gcroots", "/nix/var/nix/profiles"];

/** Links below Nix's root directories that lead into the store; null without any to read. */
export async function readRootLinks(place: StorePlace): Promise<GcRoot[] | null> {
  const roots: GcRoot[] = [];
  const visit = async (directory: string): Promise<boolean> => {
    const entries = await readdir(hostPath(directory, place), { withFileTypes: true }).catch(
      () => null,
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
