// Which nixpkgs packages have a library, from nix-index's database of all files: a snapshot, valid for its date.
//
// The database is one compressed stream. The core reads it once from end to end; its libraries are kept in our cache
// for as long as the database is the same file: a line about the database; the packages, each on a line as the database
// describes it; the names, sorted, each with the location of its package. A search then reads a few blocks.
import { delimiter, join } from "node:path";
import { fromNative, native } from "../../addon/native.js";
import {
  accessSync,
  constants,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from "../../base/disk.js";
import { codeOfSystem, FixelfError } from "../../base/errors.js";
import { homeDirectory, variable } from "../../base/process.js";
import { IndexDamage } from "../index/damage.js";
import { cacheDirectory } from "../index/location.js";
import { OwnDirectory, type OwnFile } from "../index/own_directory.js";

/** A package that has a file with the name in its `lib`. */
export interface LocatedPackage {
  /** "gst_all_1.gstreamer". */
  attribute: string;
  /** "out", "lib". */
  output: string;
  /** The name of the store path, without the hash. */
  name: string;
  /** null for a database from an older nix-index. */
  system: string | null;
  /** False if it was found through what the attribute refers to, and is not the attribute's own. */
  isOwn: boolean;
}

/** What a database knows about a library. */
export interface Located {
  packages: readonly LocatedPackage[];
  /** The database's date, as YYYY-MM-DD. */
  date: string;
}

/** How a database is queried; null if there is none, or it cannot be read. */
export type Locate = (soname: string) => Promise<Located | null>;

/** What is known about a database. */
export interface NixIndexAbout {
  path: string;
  /** Its date, as YYYY-MM-DD. */
  date: string;
  /** It has programs only (`nix-index --filter-prefix /bin/`), and so knows nothing about libraries. */
  isOfPrograms: boolean;
}

interface Kept extends NixIndexAbout {
  format: typeof format;
  identity: string;
  /** Bytes of the packages' lines, and of the names that follow. */
  packages: number;
  names: number;
}

/** The version of what is kept in our cache; other versions are replaced. */
const format = 3;

/** Bytes read at once; a name's line is shorter. */
const blockSize = 4096;

/** Maximum bytes of a package's line: the core accepts no longer ones. */
const mostDescribed = 64 << 10;

const fileName = "libraries";

export class NixIndex {
  readonly about: NixIndexAbout;
  readonly #file: OwnFile;
  /** Where the packages begin. */
  readonly #packages: number;
  /** Where the names begin. */
  readonly #names: number;

  private constructor(kept: Kept, file: OwnFile, begin: number) {
    const { path, date, isOfPrograms, packages } = kept;
    this.about = { path, date, isOfPrograms };
    this.#file = file;
    this.#packages = begin;
    this.#names = begin + packages;
  }

  /**
   * The database that nix-locate would query; null if there is none.
   * @param afresh whether to read it again although it is kept
   * @throws FixelfError if it cannot be read, is damaged or of another version, or if nothing can be kept
   */
  static async open(afresh = false): Promise<NixIndex | null> {
    const path = databasePath();
    if (path === null) return null;
    const { ino, size, mtimeNs, mtimeMs } = statSync(path, { bigint: true });
    const identity = `${path} ${ino} ${size} ${mtimeNs}`;
    const directory = OwnDirectory.make(join(cacheDirectory(), "nix-index"));
    const kept = afresh ? null : opened(directory, identity);
    if (kept !== null) return kept;
    const date = new Date(Number(mtimeMs)).toISOString().slice(0, 10);
    await keep(directory, { path, date, identity });
    return opened(directory, identity);
  }

  static of(kept: Kept, file: OwnFile, begin: number): NixIndex {
    return new NixIndex(kept, file, begin);
  }

  /** @throws IndexDamage */
  packages(soname: string): LocatedPackage[] {
    const found: LocatedPackage[] = [];
    for (let at = this.#firstAt(soname); at < this.#file.size; ) {
      const line = this.#lineAt(at);
      const [name, place] = line.split("\t");
      if (name !== soname) break;
      if (place === undefined || !/^\d+$/.test(place))
        throw new IndexDamage("a name in it has no package");
      const described = this.#packageAt(this.#packages + Number(place));
      if (described !== null) found.push(described);
      at += Buffer.byteLength(line) + 1;
    }
    return found;
  }

  /** null for one that is not from nixpkgs. */
  #packageAt(place: number): LocatedPackage | null {
    if (place >= this.#names) throw new IndexDamage("a package is not in it");
    const line = this.#lineAt(place, mostDescribed);
    try {
      return located(JSON.parse(line) as Described);
    } catch (cause) {
      throw new IndexDamage("a package in it is not described", { cause });
    }
  }

  /** Where the first line begins whose name does not sort before the wanted one. */
  #firstAt(soname: string): number {
    let low = this.#names;
    let high = this.#file.size;
    // For any offset, the first line that begins after it is examined.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = middle === this.#names ? middle : this.#lineBehind(middle - 1);
      if (start >= high) {
        high = middle;
        continue;
      }
      const line = this.#lineAt(start);
      if (line.slice(0, line.indexOf("\t")) < soname) low = start + Buffer.byteLength(line) + 1;
      else high = middle === start ? start : middle;
    }
    return low;
  }

  #lineBehind(place: number): number {
    const bytes = this.#read(place);
    const end = bytes.indexOf(10);
    if (end === -1) throw new IndexDamage("a line of it is too long");
    return place + end + 1;
  }

  /** @param most the longest that the line may be, in bytes */
  #lineAt(start: number, most = blockSize): string {
    for (let size = blockSize; ; size = most) {
      const bytes = this.#read(start, size);
      const end = bytes.indexOf(10);
      if (end !== -1) return bytes.toString("utf8", 0, end);
      if (size >= most) throw new IndexDamage("a line of it is too long");
    }
  }

  #read(place: number, size = blockSize): Buffer {
    return this.#file.read(place, Math.min(size, this.#file.size - place));
  }
}

/**
 * Queries the database as often as needed, opening it for the first query.
 * @param tell told once why a database cannot be queried although there is one
 */
export function locator(tell: (message: string) => void = () => {}): Locate {
  let index: Promise<NixIndex | null> | undefined;
  const open = async (afresh: boolean) => {
    try {
      const found = await NixIndex.open(afresh);
      if (!found?.about.isOfPrograms) return found;
      tell(`${found.about.path} is a database of programs only, which knows no libraries`);
    } catch (failure) {
      const { message, path } = failure as FixelfError;
      tell(`nix-index's database is not used: ${path === undefined ? "" : `${path}: `}${message}`);
    }
    return null;
  };
  const ask = (found: NixIndex | null, soname: string) =>
    found && { packages: found.packages(soname), date: found.about.date };
  return async (soname) => {
    index ??= open(false);
    const kept = await index;
    try {
      return ask(kept, soname);
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
    }
    // Either what is kept is damaged, or the database itself.
    index = open(true);
    const again = await index;
    try {
      return ask(again, soname);
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
      tell(`nix-index's database is not used: ${again?.about.path}: ${failure.message}`);
      index = Promise.resolve(null);
      return null;
    }
  };
}

function opened(directory: OwnDirectory, identity: string): NixIndex | null {
  try {
    const file = directory.open(fileName);
    if (file === null) return null;
    const head = file.read(0, Math.min(blockSize, file.size));
    const end = head.indexOf(10);
    const kept = JSON.parse(head.toString("utf8", 0, Math.max(end, 0))) as Kept;
    if (kept.format !== format || kept.identity !== identity) return null;
    if (kept.packages + kept.names !== file.size - end - 1) return null;
    return NixIndex.of(kept, file, end + 1);
  } catch (failure) {
    if (failure instanceof IndexDamage || failure instanceof SyntaxError) return null;
    throw failure;
  }
}

async function keep(
  directory: OwnDirectory,
  database: { path: string; date: string; identity: string },
): Promise<void> {
  const { packages, names, entries, others } = await native
    .readNixIndex(database.path)
    .catch((caught: unknown) => {
      const { code, message } = fromNative(caught);
      const { path } = database;
      throw new FixelfError(code, message, { path, cause: caught });
    });
  const isOfPrograms = entries > 0 && others === 0;
  const sizes = { packages: packages.length, names: names.length };
  const head: Kept = { format, ...database, isOfPrograms, ...sizes };
  const name = `${fileName}-${process.pid}`;
  const file = directory.create(name);
  try {
    file.write(Buffer.from(`${JSON.stringify(head)}\n`));
    file.write(packages);
    file.write(names);
  } finally {
    file.close();
  }
  directory.rename(name, fileName);
}

/** nix-index's StorePath (src/package.rs), as written by serde. */
interface Described {
  name?: string;
  origin?: { attr?: string; output?: string; toplevel?: boolean; system?: string | null };
}

function located({ name, origin = {} }: Described): LocatedPackage | null {
  const { attr: attribute, output = "out", toplevel: isOwn = true, system = null } = origin;
  const isText = typeof name === "string" && typeof attribute === "string";
  // It becomes part of commands.
  if (!isText || !/^[\w+.'-]+$/.test(attribute) || !/^\w+$/.test(output)) return null;
  return { attribute, output, name, system, isOwn };
}

/** `$NIX_INDEX_DATABASE/files`, as set by the environment or a wrapper of nix-locate, or nix-index's default place. */
function databasePath(): string | null {
  const cache = variable("XDG_CACHE_HOME");
  const base = cache?.startsWith("/") ? cache : join(homeDirectory(), ".cache");
  const named = variable("NIX_INDEX_DATABASE") ?? namedByWrapper();
  const places = named === undefined ? [join(base, "nix-index")] : [named];
  for (const place of places.flatMap((each) => [join(each, "files"), each])) {
    const found = statusOf(place);
    if (found?.isFile()) return realpathSync(place);
    if (found !== null && !(found.isDirectory() && places.includes(place)))
      throw new FixelfError("not-a-regular-file", "it is no regular file", { path: place });
  }
  return null;
}

/** null if it does not exist. */
function statusOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new FixelfError(codeOfSystem(cause), `it cannot be found (${code})`, { path, cause });
  }
}

/** A larger one is another kind of program. */
const largestWrapper = 256 << 10;

/**
 * nix-index-database installs nix-locate behind a script or a small program that sets the variable
 * (nixpkgs, makeWrapper and makeBinaryWrapper, which has its arguments among its strings).
 */
function namedByWrapper(): string | undefined {
  for (const directory of (variable("PATH") ?? "").split(delimiter)) {
    const file = join(directory, "nix-locate");
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).size > largestWrapper) return undefined;
      const text = readFileSync(file, "latin1");
      return /NIX_INDEX_DATABASE['"=\s\0]+(\/[\w+./@-]+)/.exec(text)?.[1];
    } catch {
      // Missing, or unreadable.
    }
  }
  return undefined;
}
