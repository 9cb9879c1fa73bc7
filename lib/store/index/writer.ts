// Writes the index, through LMDB: its transactions, and its lock among processes. What a process
// wrote that was killed is not there; the flags keep a power cut from mixing old and new.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Environment } from "./environment.js";
import {
  contentKey,
  decode,
  decodeContent,
  encode,
  encodeContent,
  encodeNamed,
  knownKey,
  type NamedFile,
  type NameTable,
  nameKey,
  type State,
  type StorePathContent,
  sealed,
  stateKey,
  unsealed,
} from "./format.js";
import type { IndexReader } from "./reader.js";

/** Bytes of address space, not of memory or disk; a store of 10^6 files takes a hundredth. */
const mapSize = 2 ** 35;

/** What is used of the `lmdb` package; its own types need a compiler that checks no libraries. */
interface Lmdb {
  get(key: Buffer): Buffer | undefined;
  putSync(key: Buffer, value: Buffer): boolean;
  removeSync(key: Buffer): boolean;
  transactionSync<T>(change: () => T): T;
  close(): Promise<void>;
}

export class IndexWriter {
  readonly #database: Lmdb;
  readonly #mark: string;

  constructor(path: string) {
    // Whoever finds the mark of a process that is gone looks at everything before it trusts it.
    this.#mark = join(path, `${markPrefix}${process.pid}`);
    writeFileSync(this.#mark, "");
    try {
      this.#database = open(path);
    } catch (failure) {
      rmSync(this.#mark, { force: true });
      throw failure;
    }
  }

  /** Everything that `change` writes comes to be at once, or nothing does. */
  transaction<T>(change: (transaction: Transaction) => T): T {
    return this.#database.transactionSync(() => change(new Transaction(this.#database)));
  }

  async close(): Promise<void> {
    await this.#database.close();
    rmSync(this.#mark, { force: true });
  }
}

/**
 * Opens a generation of the index for writing, and makes it where it is not there. LMDB trusts what
 * it maps: after a writer that was killed, or that LMDB itself ended, everything is read before.
 * @throws IndexDamage; Error with a `code` of the system's or of LMDB's
 */
export function openWriter(
  environment: Environment,
  generation: number,
  reader: IndexReader | null,
): IndexWriter {
  const why = environment.whyNot();
  if (why !== null) throw new Error(why);
  environment.make(generation);
  const path = environment.place(generation);
  if (takeMarks(path) > 0) reader?.check();
  return new IndexWriter(path);
}

/** What a transaction may do; it sees what it has written itself. */
export class Transaction {
  readonly #database: Lmdb;

  constructor(database: Lmdb) {
    this.#database = database;
  }

  get(key: Buffer): Buffer | null {
    return this.#database.get(key) ?? null;
  }

  put(key: Buffer, value: Buffer): void {
    this.#database.putSync(key, value);
  }

  remove(key: Buffer): void {
    this.#database.removeSync(key);
  }

  state(): State | null {
    const bytes = this.get(stateKey);
    return bytes && decode<State>(bytes);
  }

  putState(state: State): void {
    this.put(stateKey, encode(state));
  }

  known(): Buffer {
    const bytes = this.get(knownKey);
    return bytes === null ? Buffer.alloc(0) : unsealed(bytes);
  }

  putKnown(known: Buffer): void {
    this.put(knownKey, sealed(known));
  }

  /** The answer is how many more ELF files there are now. */
  putContent(content: StorePathContent): number {
    const before = this.removeContent(content.name);
    this.put(contentKey(content.name), encodeContent(content));
    for (const [table, files] of tablesOf(content)) {
      for (const [name, named] of files) {
        const key = nameKey(table, name, content.name);
        this.put(key, encodeNamed(key, named));
      }
    }
    return before + content.elf.length;
  }

  /** The answer is how many more ELF files there are now: none, or less than that. */
  removeContent(storePath: string): number {
    const bytes = this.get(contentKey(storePath));
    if (bytes === null) return 0;
    const content = decodeContent(storePath, bytes);
    this.remove(contentKey(storePath));
    for (const [table, files] of tablesOf(content)) {
      for (const name of files.keys()) this.remove(nameKey(table, name, storePath));
    }
    return -content.elf.length;
  }
}

/** Table → name → what is kept of the files of that name. */
function tablesOf({ libraries, elf }: StorePathContent): Map<NameTable, Map<string, NamedFile[]>> {
  const byName = new Map<string, NamedFile[]>();
  const bySoname = new Map<string, NamedFile[]>();
  const byNeed = new Map<string, NamedFile[]>();
  const add = (table: Map<string, NamedFile[]>, name: string, file: NamedFile) => {
    const files = table.get(name);
    if (files) files.push(file);
    else table.set(name, [file]);
  };
  const byPath = new Map(elf.map((facts) => [facts.path, facts]));
  for (const { name, path, real } of libraries)
    add(byName, name, real === null ? [path, real] : [path, real, byPath.get(real) ?? null]);
  for (const { path, soname, needed } of elf) {
    if (soname !== null) add(bySoname, soname, [path, path]);
    for (const name of new Set(needed)) add(byNeed, name, [path, path]);
  }
  return new Map([
    ["n", byName],
    ["s", bySoname],
    ["d", byNeed],
  ]);
}

const markPrefix = "writing-";

/** Forgets the marks of writers that are gone; how many there were. */
function takeMarks(directory: string): number {
  let gone = 0;
  for (const entry of readdirSync(directory)) {
    if (!entry.startsWith(markPrefix)) continue;
    if (isRunning(Number(entry.slice(markPrefix.length)))) continue;
    rmSync(join(directory, entry), { force: true });
    gone++;
  }
  return gone;
}

function isRunning(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (failure) {
    return (failure as NodeJS.ErrnoException).code === "EPERM";
  }
}

function open(path: string): Lmdb {
  // Its CommonJS build is one file, its modules are many.
  const lmdb = createRequire(import.meta.url)("lmdb") as { open(options: object): Lmdb };
  return lmdb.open({
    path,
    mapSize,
    maxDbs: 1,
    encoding: "binary",
    keyEncoding: "binary",
    // Pages are flushed before the head that makes them count is written. That head is not: after a
    // power cut the last transaction may be missing, and is done again.
    noMetaSync: true,
    overlappingSync: false,
    cache: false,
  });
}
