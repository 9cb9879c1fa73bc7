// GC roots: what a fixed file points at must outlive `nix-collect-garbage`.
//
// There is one indirect root for each store path, however many files point at it, and beside it a
// list of those files, so that the last one to be undone takes the root along.
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { stateSubdirectory } from "../state.js";
import type { Nix } from "../store/nix.js";

/**
 * Registers the store paths for a file, and lets go of those that it pointed at before. Answers a
 * sentence where that cannot be done.
 */
export async function addRoots(
  file: string,
  storePaths: readonly string[],
  nix: Nix,
): Promise<string | null> {
  const links = await stateSubdirectory("gcroots");
  const users = await stateSubdirectory("users");
  for (const storePath of storePaths) {
    const link = join(links, basename(storePath));
    if (!(await exists(link)) && (await nix.addIndirectRoot(link, storePath)) === null) {
      return `no GC root for ${storePath}: ${nix.whyUnknown}`;
    }
    const list = join(users, basename(storePath));
    await mkdir(list, { recursive: true });
    await writeFile(join(list, keyOf(file)), file);
  }
  await removeRoots(file, storePaths);
  return null;
}

/** Whether the store paths are registered for a file. */
export async function isRooted(file: string, storePaths: readonly string[]): Promise<boolean> {
  const users = await stateSubdirectory("users");
  for (const storePath of storePaths)
    if (!(await exists(join(users, basename(storePath), keyOf(file))))) return false;
  return true;
}

/** Forgets what a file points at, except `kept`; roots that no other file needs go with it. */
export async function removeRoots(file: string, kept: readonly string[] = []): Promise<void> {
  const keptNames = new Set(kept.map((storePath) => basename(storePath)));
  const links = await stateSubdirectory("gcroots");
  const users = await stateSubdirectory("users");
  for (const name of await readdir(users)) {
    if (keptNames.has(name)) continue;
    const list = join(users, name);
    await rm(join(list, keyOf(file)), { force: true });
    if (await hasLivingUser(list)) continue;
    await unlink(join(links, name)).catch(() => undefined);
    await rm(list, { recursive: true, force: true });
  }
}

/** Files that were deleted since need no root any more; the first that is there settles it. */
async function hasLivingUser(list: string): Promise<boolean> {
  for (const key of await readdir(list)) {
    if (await exists(await readFile(join(list, key), "utf8"))) return true;
    await rm(join(list, key), { force: true });
  }
  return false;
}

function keyOf(file: string): string {
  return createHash("sha256").update(file).digest("hex").slice(0, 32);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
