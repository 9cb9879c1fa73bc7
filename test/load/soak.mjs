// Scans, finds, plans, applies and undoes in one process for as long as requested, and tells whether memory,
// descriptors and threads stay constant: npm run soak -- [MINUTES], 60 by default.
//
// What is left after a garbage collection counts, for the V8 heap and for the process: RSS also holds what malloc keeps
// for later, so it is compared by quarters and not by samples. The first quarter is for filling caches.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const minutes = Number(process.argv[2] ?? 60);
const scratch = mkdtempSync(join(tmpdir(), "fixelf-soak-"));
process.env.XDG_STATE_HOME = join(scratch, "state");
process.env.XDG_CACHE_HOME = join(scratch, "cache");
const api = await import(new URL("../../dist/index.js", import.meta.url));

const tree = join(scratch, "tree");
const glibc = join(scratch, "store", `${"0".repeat(32)}-glibc/lib`);
const options = { store: join(scratch, "store"), interpreter: join(glibc, "loader") };

async function prepare() {
  mkdirSync(tree);
  mkdirSync(glibc, { recursive: true });
  const { interpreter, libraries } = await api.resolve("/bin/ls");
  for (const { path } of libraries) if (path) copyFileSync(path, join(glibc, basename(path)));
  copyFileSync(interpreter.path, join(glibc, "loader"));
  for (let index = 0; index < 40; index++) copyFileSync("/bin/ls", join(tree, `ls-${index}`));
}

function demand(holds, what) {
  if (!holds) throw new Error(`round ${rounds}: ${what}`);
}

let rounds = 0;

async function round() {
  let rows = 0;
  for await (const batch of api.scan([tree, scratch])) rows += batch.length;
  demand(rows >= 40, "the scan lacks files");
  const store = new api.Store(api.storePlace(options));
  const found = await store.providers(["libc.so.6"]);
  demand(found.get("libc.so.6").providers.length === 1, "the find lacks the library");
  const planned = await api.plan([tree], { ...options, gcRoot: false });
  const outcomes = await api.apply(planned);
  demand(
    outcomes.every(({ outcome, verified }) => outcome === "fixed" && verified),
    "a fix failed",
  );
  const undone = await api.undo([tree]);
  demand(undone.length === 40 && undone.every(({ error }) => error === null), "an undo failed");
  rounds++;
}

/** RSS and V8's heap in MB. */
function measure() {
  globalThis.gc?.();
  const status = readFileSync("/proc/self/status", "latin1");
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(status);
  return {
    rounds,
    rss: Math.round(kilobytes / 1024),
    heap: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
    descriptors: readdirSync("/proc/self/fd").length,
    threads: readdirSync("/proc/self/task").length,
  };
}

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1];

try {
  await prepare();
  const end = Date.now() + minutes * 60_000;
  const samples = [];
  let next = Date.now();
  while (Date.now() < end) {
    await round();
    if (Date.now() < next) continue;
    next += (minutes * 60_000) / 60;
    samples.push(measure());
    console.log(JSON.stringify(samples.at(-1)));
  }
  const quarter = (number, what) =>
    median(
      samples
        .slice((samples.length * number) >> 2, (samples.length * (number + 1)) >> 2)
        .map((sample) => sample[what]),
    );
  const more = Object.fromEntries(
    ["rss", "heap", "descriptors", "threads"].map((what) => [
      what,
      quarter(3, what) - quarter(1, what),
    ]),
  );
  console.log(JSON.stringify({ rounds, more }));
  const isFlat = more.descriptors <= 0 && more.threads <= 0 && more.heap <= 1 && more.rss <= 8;
  process.exitCode = isFlat ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true });
}
