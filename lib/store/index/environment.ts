// Where the index of a store lies: `$XDG_CACHE_HOME/fixelf/index<root and store>/<n>/`, an LMDB
// environment. Building it anew makes the directory n + 1 and removes n: never are files
// replaced that another process may have opened by halves, its lock file and the new data.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { StorePlace } from "../place.js";
import { shortened } from "./format.js";

/** `$XDG_CACHE_HOME/fixelf` (XDG base directory specification 0.8). */
export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  // The specification has relative paths ignored.
  return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "fixelf");
}

/** All generations of one store's index. */
export class Environment {
  readonly directory: string;

  constructor({ root, store }: StorePlace) {
    // "!" is not escaped, and so says where the root ends.
    const place = `${encodeURIComponent(realOf(root))}!${encodeURIComponent(store)}`;
    this.directory = join(cacheDirectory(), `index-${shortened(place, longestName)}`);
  }

  /** The newest generation, 0 when there is none. */
  generation(): number {
    try {
      return Math.max(0, ...readdirSync(this.directory).map(Number).filter(Number.isInteger));
    } catch (failure) {
      if (isAbsence(failure)) return 0;
      throw failure;
    }
  }

  data(generation: number): string {
    return join(this.place(generation), "data.mdb");
  }

  place(generation: number): string {
    return join(this.directory, String(generation));
  }

  /** Makes a generation's directory, for this user alone; another process may have been faster. */
  make(generation: number): void {
    const made = mkdirSync(this.place(generation), { recursive: true, mode: 0o700 });
    if (generation === 1 && made !== undefined) removeAbandoned(dirname(this.directory));
    for (const entry of readdirSync(this.directory)) {
      if (Number(entry) < generation) this.#remove(entry);
    }
  }

  /** The next generation, empty: what there was is given up. */
  renew(): void {
    this.make(this.generation() + 1);
  }

  /** Removes the index; whether there was one. */
  remove(): boolean {
    const wasThere = this.generation() > 0;
    rmSync(this.directory, { recursive: true, force: true });
    return wasThere;
  }

  /** Bytes that a generation's data take. */
  size(generation: number): number {
    return statSync(this.data(generation)).size;
  }

  /** Why LMDB can't be used in the directory; null when it can. Its locks are this machine's own. */
  whyNot(): string | null {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const kind = remoteFileSystems.get(statfsSync(this.directory).type);
    return kind === undefined
      ? null
      : `${this.directory} is on ${kind}, which other machines share`;
  }

  #remove(entry: string): void {
    try {
      rmSync(join(this.directory, entry), { recursive: true, force: true });
    } catch {
      // Another process is at it as well.
    }
  }
}

/** Removes the indexes, older than a month, of stores that are gone, such as those of images. */
function removeAbandoned(cache: string): void {
  for (const entry of readdirSync(cache)) {
    const place = /^index-(.*)!(.*)$/.exec(entry);
    if (place === null) continue;
    try {
      const store = decodeURIComponent(`${place[1]}${place[2]}`);
      const age = Date.now() - statSync(join(cache, entry)).mtimeMs;
      if (age > longestAbsence && !existsSync(store))
        rmSync(join(cache, entry), { recursive: true, force: true });
    } catch {
      // A name that was shortened, or another process removes it as well.
    }
  }
}

/** Milliseconds: an image may be mounted again. */
const longestAbsence = 30 * 24 * 3600 * 1000;

/** Bytes; a file's name may have 255. */
const longestName = 200;

/** linux/magic.h. */
const remoteFileSystems = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
]);

export function isAbsence(failure: unknown): boolean {
  return (failure as NodeJS.ErrnoException).code === "ENOENT";
}

function realOf(root: string): string {
  try {
    return root === "" ? "" : realpathSync(root);
  } catch {
    return root;
  }
}
