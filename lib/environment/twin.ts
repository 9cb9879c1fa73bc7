// The Nix-built program with the same name and version as a foreign one.
import { basename, dirname, join } from "node:path";
import { readdir, readFile, stat } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { hostPath, isStoreEntry, nameOf, type StorePlace } from "../store/place.js";
import { type Package, packageOf } from "./nixpkgs.js";

export interface Twin {
  storePath: string;
  /** "/bin/node" */
  below: string;
  version: string;
  package: Package;
}

/** How many levels above a program its version may be found. */
const mostDirectories = 4;

/**
 * Finds the twin of a program. Nothing is run: the version comes from the names of directories above the program
 * ("node-v22.1.0-linux-x64"), or from a package.json there.
 */
export async function twinOf(file: string, place: StorePlace): Promise<Twin | null> {
  const versions = await versionsAbout(file, place);
  if (versions.length === 0) return null;
  const below = `/bin/${basename(file)}`;
  const entries = await readdir(hostPath(place.store, place)).catch(unlessOfTheMoment([]));
  for (const version of versions) {
    for (const entry of entries.filter(isStoreEntry).sort()) {
      const storePath = `${place.store}/${entry}`;
      const name = nameOf(storePath);
      if (versionOf(name) !== version || entry.endsWith(".drv")) continue;
      const program = await stat(hostPath(storePath + below, place)).catch(() => null);
      if (program?.isFile()) return { storePath, below, version, package: packageOf(name) };
    }
  }
  return null;
}

/** Possible versions of the program, the nearest first. */
async function versionsAbout(file: string, place: StorePlace): Promise<string[]> {
  const versions: string[] = [];
  let directory = dirname(file);
  for (let above = 0; above < mostDirectories && directory !== "/"; above++) {
    const manifest = await readFile(hostPath(join(directory, "package.json"), place), "utf8").catch(
      () => "{}",
    );
    versions.push(...versionIn(manifest));
    const named = /(?:^|[-_@v])(\d+(?:\.\d+)+)(?=$|[-_+])/.exec(basename(directory))?.[1];
    if (named !== undefined) versions.push(named);
    directory = dirname(directory);
  }
  return [...new Set(versions)];
}

function versionIn(manifest: string): string[] {
  try {
    const { version } = JSON.parse(manifest) as { version?: unknown };
    return typeof version === "string" ? [version] : [];
  } catch {
    return [];
  }
}

/** In nixpkgs the version begins at the first digit after a dash, and names of outputs follow it. */
function versionOf(name: string): string | null {
  return /-(\d[^-]*)/.exec(name)?.[1] ?? null;
}
