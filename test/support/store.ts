// Stores without Nix, and this machine's own glibc to put there.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isLoaderName } from "../../lib/file/interpreter.js";
import { scratchDirectory } from "./scratch.js";

/** A store path with that name. Another letter gives another path with the same name. */
export const storePath = (name: string, letter = "a", store = "/nix/store") =>
  `${store}/${letter.repeat(32)}-${name}`;

/** The library with that name that this Node has loaded. Throws if there is none: not every libc is glibc. */
export function ownLibrary(name: string): string {
  const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
  const library = sharedObjects.find((path) => basename(path) === name);
  if (library === undefined) throw new Error(`this Node does not use ${name}`);
  return library;
}

/** This Node's own C library. */
export const ownLibc = () => ownLibrary("libc.so.6");

/** Its loader. */
export function ownLoader(): string {
  const directory = dirname(ownLibc());
  return join(directory, readdirSync(directory).find(isLoaderName) as string);
}

/** Copies both into a directory, which is created. Returns the loader there. */
export function copyGlibc(directory: string): string {
  mkdirSync(directory, { recursive: true });
  for (const path of [ownLibc(), ownLoader()])
    copyFileSync(realpathSync(path), join(directory, basename(path)));
  const loader = join(directory, basename(ownLoader()));
  chmodSync(loader, 0o755);
  return loader;
}

/** A root shaped like NixOS: it only has a store with this machine's own glibc. */
export class NixosRoot {
  readonly path = scratchDirectory();
  /** The directory of glibc's libraries, as seen from inside. */
  readonly glibc = `${storePath("glibc-2.36")}/lib`;
  readonly loader = `${this.glibc}/${basename(copyGlibc(this.in(this.glibc)))}`;

  /** The path on this machine for a path inside. */
  in(path: string): string {
    return join(this.path, path);
  }
}
