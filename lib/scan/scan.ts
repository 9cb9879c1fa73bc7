// Facts for a whole tree.
import { cancelledBy } from "../addon/cancellation.js";
import { native, type ScanProgress } from "../addon/native.js";
import { checkCount, checkOptions, checkPaths, type Kinds } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { type CommonOptions, commonKinds } from "../base/options.js";
import { absolute } from "../base/process.js";
import { insideRoot } from "../file/rooted.js";
import { ScanBatch } from "./batch.js";

/** One of several equal parts of a scan, to be divided among as many machines or processes. */
export interface Shard {
  /** From 1 to `count`. */
  number: number;
  /** How many parts there are. */
  count: number;
}

/** How trees are read. */
export interface ScanOptions extends CommonOptions {
  /** Threads. Default: one per processor. */
  jobs?: number;
  /**
   * `path`: the entries of a root come sorted by name, so that the same tree always gives the same batches. `disk`: by
   * inode, which is kinder to a cold disk that has to seek. Default `path`.
   */
  order?: "path" | "disk";
  /** Only the entries of the roots whose names fall into this part. */
  shard?: Shard;
  /**
   * The roots are entries of directories, such as store paths from a list: each is one branch, as if its directory were
   * scanned, and a missing one is reported among the failures. Default false.
   */
  entries?: boolean;
  /** Also report symbolic links that have a library's name. */
  libraryLinks?: boolean;
  /** Also make each row's line of JSON. @internal */
  lines?: boolean;
}

const scanKinds: Kinds<ScanOptions> = {
  ...commonKinds,
  jobs: "number",
  order: ["path", "disk"],
  shard: "object",
  entries: "boolean",
  libraryLinks: "boolean",
  lines: "boolean",
};

/** Batches as they come. A slow reader slows the scan; to end it early, leave the loop. */
export interface RunningScan extends AsyncIterable<ScanBatch> {
  /** How far it has come. */
  progress(): ScanProgress;
}

/**
 * Finds and reads every ELF file below the given directories, and single files, on all processors. Symbolic links are
 * not followed. A file with several names appears once, under the first of them; each store path is complete in itself.
 * What cannot be read is listed in the batches' `failures`. With `root`, a path names what is below the root, and
 * nothing else on this machine.
 * @throws FixelfError, when iterated: `not-found`, `permission-denied` or `io` if a root cannot be read, and `usage` if
 *   it is iterated twice
 */
export function scan(roots: readonly string[], options: ScanOptions = {}): RunningScan {
  checkPaths("scan", roots);
  checkOptions("scan", options, scanKinds);
  const { jobs = 0, order = "path", shard = { number: 1, count: 1 }, signal } = options;
  checkCount("jobs", jobs, 0, 1024);
  checkCount("shard.count", shard.count, 1, 2 ** 31);
  checkCount("shard.number", shard.number, 1, shard.count);
  const running = new native.Scan(
    roots.map((root) => ({ ...placeOf(root, options), entry: options.entries ?? false })),
    {
      threads: jobs,
      diskOrder: order === "disk",
      shard: shard.number - 1,
      shards: shard.count,
      libraryLinks: options.libraryLinks ?? false,
      lines: options.lines ?? false,
    },
  );
  let isTaken = false;
  return {
    progress: () => running.progress(),
    async *[Symbol.asyncIterator]() {
      if (isTaken)
        throw new FixelfError("usage", "scan: it is iterated a second time; scan again for that");
      isTaken = true;
      const cancel = () => running.cancel();
      if (signal?.aborted) cancel();
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        for (;;) {
          const batch = await running.next().catch((failure) => {
            throw signal?.aborted ? cancelledBy(signal) : failure;
          });
          if (batch === null) return;
          yield new ScanBatch(batch);
        }
      } finally {
        signal?.removeEventListener("abort", cancel);
        cancel();
      }
    },
  };
}

/** As the caller named it; under another system's root, as seen from there. */
function placeOf(named: string, options: ScanOptions): { host: string; shown: string } {
  if (options.root === undefined) return { host: named, shown: absolute(named) };
  const place = insideRoot(named, options, "list");
  return { host: place.host, shown: place.named };
}
