// What store paths hold, read from the disk: the one place where the index learns anything.
import { lstat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { native } from "../../addon/native.js";
import { librariesOf } from "../libraries.js";
import { hostPath, realPathIn, type StorePlace } from "../place.js";
import type { LibraryFile, StorePathContent } from "./format.js";

/** Reads store paths, a few at once, in the order given; one that has vanished is empty. */
export async function* scanStorePaths(
  names: readonly string[],
  place: StorePlace,
): AsyncGenerator<StorePathContent> {
  const atOnce = 2 * availableParallelism();
  const ahead: Promise<StorePathContent>[] = [];
  for (const name of names) {
    ahead.push(scanStorePath(name, place));
    // A rejection before its turn is met in its turn.
    ahead.at(-1)?.catch(() => {});
    if (ahead.length >= atOnce) yield (await ahead.shift()) as StorePathContent;
  }
  for (const scan of ahead) yield await scan;
}

async function scanStorePath(name: string, place: StorePlace): Promise<StorePathContent> {
  const storePath = `${place.store}/${name}`;
  const [elf, libraries] = await Promise.all([elfOf(storePath, place), filesOf(storePath, place)]);
  return { name, libraries, elf };
}

/** A link to another store path has nothing of its own. */
async function elfOf(storePath: string, place: StorePlace): Promise<StorePathContent["elf"]> {
  const top = hostPath(storePath, place);
  const state = await lstat(top).catch(() => null);
  if (!state?.isDirectory()) return [];
  try {
    const { elf } = await native.walk(top);
    return elf.map((facts) => ({ ...facts, path: facts.path.slice(top.length + 1) }));
  } catch {
    // It may not be read, or was collected a moment ago.
    return [];
  }
}

async function filesOf(storePath: string, place: StorePlace): Promise<LibraryFile[]> {
  const found = await librariesOf(storePath, place);
  return Promise.all(
    found.map(async ({ name, path, isLink }) => {
      const below = path.slice(storePath.length + 1);
      if (!isLink) return { name, path: below, real: below };
      const real = await realPathIn(path, place);
      const isOwn = real?.startsWith(`${storePath}/`) ?? false;
      return {
        name,
        path: below,
        real: isOwn ? (real as string).slice(storePath.length + 1) : null,
      };
    }),
  );
}
