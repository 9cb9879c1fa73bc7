// Looking needed libraries up once, before the program runs: nixpkgs' glibc takes them from the note
// `.note.nixos.ldcache`, instead of trying each directory of a long search path at every start.
import type { CachedResolution } from "../addon/facts.js";
import { bufferOf } from "../base/bytes.js";
import { accessSync, constants } from "../base/disk.js";
import { split } from "./search_path.js";

/** Where each of the libraries lies, as far as that can be known now; sorted by soname. */
export function resolveNow(needed: readonly string[], searchPath: string): CachedResolution[] {
  // A name with a slash is opened as it is.
  const sonames = [...new Set(needed)].filter((soname) => !soname.includes("/"));
  const places = new Map<string, string[]>();
  const add = (soname: string, place: string) =>
    places.set(soname, [...(places.get(soname) ?? []), place]);
  for (const element of split(searchPath)) {
    // glibc elf/dl-load.c, fillin_rpath: an empty one is the directory where the program is started.
    const directory = element === "" ? "." : element;
    const searched =
      !directory.startsWith("/") ||
      directory.includes("$") ||
      accessible(`${directory}/glibc-hwcaps`);
    for (const soname of sonames) {
      const file = `${directory}/${soname}`;
      if (searched) add(soname, `?${directory}`);
      else if (accessible(file, constants.R_OK)) add(soname, `=${file}`);
    }
  }
  return [...places]
    .map(([soname, found]) => ({ soname, places: found.join(":") }))
    .sort((a, b) => Buffer.compare(bufferOf(a.soname), bufferOf(b.soname)));
}

/** The note's descriptor: pairs of NUL-terminated texts, and a NUL that ends them. */
export function descriptorOf(cache: readonly CachedResolution[]): Uint8Array {
  return bufferOf(`${cache.map(({ soname, places }) => `${soname}\0${places}\0`).join("")}\0`);
}

function accessible(path: string, mode: number = constants.F_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
