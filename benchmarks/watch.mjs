// How soon a tree that is unpacked into a watched directory is fixed, compared with fixing it
// without waiting for anything, and with copying and renaming its programs.
import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { compile } from "./compile.mjs";
import { median } from "./measure.mjs";
import { printRows } from "./table.mjs";

const library = new URL("../out/lib/", import.meta.url);
const files = 2000;

export const scenarios = [
  {
    name: "watch",
    title: "A tree of 2,000 files unpacked into a watched directory",
    run: async ({ rounds, scratch }) => {
      process.env.XDG_STATE_HOME = join(scratch, "state");
      process.env.XDG_CACHE_HOME = join(scratch, "cache");
      const store = provideStore(scratch);
      for (const programs of [100, files]) await measure(programs, store, rounds, scratch);
      return [];
    },
  },
];

/** A store with nothing but this machine's own C library, whose loader can be asked here. */
function provideStore(scratch) {
  const store = join(scratch, "store");
  const directory = join(store, `${"a".repeat(32)}-glibc-2.36/lib`);
  mkdirSync(directory, { recursive: true });
  const loaded = process.report.getReport().sharedObjects;
  const libc = loaded.find((path) => basename(path) === "libc.so.6");
  const loader = readdirSync(dirname(libc)).find((name) => /^ld-linux.*\.so\.\d$/.test(name));
  for (const name of ["libc.so.6", loader])
    copyFileSync(realpathSync(join(dirname(libc), name)), join(directory, name));
  chmodSync(join(directory, loader), 0o755);
  return store;
}

/** A tar file of small programs, of a library that they need, and of other files. */
function provideTree(programs, scratch) {
  const tree = join(scratch, `tree-${programs}`, "tree");
  mkdirSync(join(tree, "lib"), { recursive: true });
  const answer = join(tree, "lib/libanswer.so");
  const shared = ["-shared", "-fPIC", "-Wl,-soname,libanswer.so", "-o", answer];
  compile("cc", ["-x", "c", "-", ...shared], "int answer(void) { return 42; }");
  const program = join(scratch, "program");
  const main = "int answer(void);\nint main(void) { return answer(); }";
  const nowhere = "-Wl,--dynamic-linker=/nowhere/ld.so";
  compile("cc", ["-x", "c", "-", "-x", "none", answer, nowhere, "-o", program], main);
  for (let index = 0; index < files; index++) {
    const folder = join(tree, `part-${index % 40}`);
    mkdirSync(folder, { recursive: true });
    if (index % (files / programs) === 0) copyFileSync(program, join(folder, `program-${index}`));
    else writeFileSync(join(folder, `file-${index}`), `${index}\n`);
  }
  const archive = join(scratch, `tree-${programs}.tar`);
  // The library first: if tar has to pause, its programs are not examined before it is there.
  execFileSync("tar", ["-C", dirname(tree), "-cf", archive, "--sort=name", "tree"]);
  return archive;
}

async function measure(programs, store, rounds, scratch) {
  const archive = provideTree(programs, scratch);
  const contestants = {
    floor: copyAndRename,
    fix: (top) => fix(top, store),
    watch: (top) => watchUnpacking(top, archive, store, programs),
  };
  const turns = { floor: [], fix: [], fixed: [], told: [] };
  for (let round = 0; round <= rounds; round++) {
    const names = Object.keys(contestants);
    for (const name of round % 2 === 0 ? names : names.reverse()) {
      const top = mkdtempSync(join(scratch, `${name}-`));
      if (name !== "watch") execFileSync("tar", ["-C", top, "-xf", archive]);
      const taken = await contestants[name](top);
      empty(top);
      if (round === 0) continue; // warm-up
      for (const [key, milliseconds] of Object.entries(taken)) turns[key].push(milliseconds);
    }
  }
  const row = (title, name) => [
    title,
    median(turns[name]).toFixed(0),
    `${Math.min(...turns[name]).toFixed(0)}–${Math.max(...turns[name]).toFixed(0)}`,
    median(turns[name].map((turn, round) => turn / turns.floor[round])).toFixed(2),
    median(turns[name].map((turn, round) => turn / turns.fix[round])).toFixed(2),
  ];
  const named = {
    "floor: copy, rename, flush": "floor",
    "plan and apply, in process": "fix",
    "watch: last close to last fixed": "fixed",
    "watch: last close to last verified and told": "told",
  };
  printRows(
    [
      ["", "ms", "from–to", "× floor", "× fix"],
      ...Object.entries(named).map(([title, name]) => row(title, name)),
    ],
    {
      title: `${programs} programs of ${files + 1} files`,
      turns: Object.fromEntries(
        Object.entries(named).map(([title, name]) => [
          title,
          turns[name].map((milliseconds) => ({ milliseconds })),
        ]),
      ),
      size: { count: programs, unit: "programs", series: "Fixing a tree of 2,001 files" },
      targets: [{ row: "plan and apply, in process", column: "× floor", atMost: 1.2 }],
    },
  );
}

function programsBelow(top) {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith("program-"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** The least that durably replaces old files with new ones. */
function copyAndRename(top) {
  const programs = programsBelow(top);
  const begun = performance.now();
  for (const program of programs) copyFileSync(program, `${program}.new`);
  execFileSync("sync", ["-f", top]);
  for (const program of programs) renameSync(`${program}.new`, program);
  execFileSync("sync", ["-f", top]);
  return { floor: performance.now() - begun };
}

async function fix(top, store) {
  const { apply, plan } = await import(new URL("index.js", library));
  const begun = performance.now();
  const outcomes = await apply(await plan([top], { store, gcRoot: false }));
  const taken = performance.now() - begun;
  const bad = outcomes.filter(({ verified }) => !verified);
  if (bad.length > 0) throw new Error(`not verified: ${JSON.stringify(bad[0])}`);
  return { fix: taken };
}

async function watchUnpacking(top, archive, store, programs) {
  const { watch } = await import(new URL("index.js", library));
  const controller = new AbortController();
  let begun;
  const watching = new Promise((resolve) => {
    begun = resolve;
  });
  const outcomes = [];
  let lastTold = 0;
  const ended = (async () => {
    const options = { store, gcRoot: false, signal: controller.signal, onWatch: begun };
    for await (const outcome of watch([top], options)) {
      outcomes.push(outcome);
      lastTold = Date.now();
      if (outcomes.length === programs) controller.abort();
    }
  })();
  await watching;
  await promisify(execFile)("tar", ["-C", top, "-xf", archive]);
  const closed = Date.now();
  await ended;
  const bad = outcomes.filter(({ outcome, verified }) => outcome !== "fixed" || !verified);
  if (bad.length > 0) throw new Error(`not fixed: ${JSON.stringify(bad[0])}`);
  const lastFixed = Math.max(...outcomes.map(({ path }) => statSync(path).ctimeMs));
  return { fixed: lastFixed - closed, told: lastTold - closed };
}

/** Frees the space but removes no file: see measure.mjs. */
function empty(top) {
  for (const program of programsBelow(top)) truncateSync(program, 0);
}
