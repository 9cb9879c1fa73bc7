// Scanning a whole store: every file looked at, every ELF file read.
//
// A contestant is a program; its turn is one run of it on one store. Those that time themselves
// (`inside`) print the time in JSON as `milliseconds`, without the start of the process.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compileProgram } from "./compile.mjs";
import { median, pairedRatio } from "./measure.mjs";
import { describeStore, provideStore } from "./store.mjs";
import { megabytes, printRows } from "./table.mjs";

const commandLine = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
const inProcess = fileURLToPath(new URL("scan/in_process.mjs", import.meta.url));
const timer = "/usr/bin/time";
const dropCaches = "/proc/sys/vm/drop_caches";
const coldRounds = 3; // at most: a million files take a while

export const scenarios = [
  {
    name: "scan",
    title: "Scanning a store",
    run: (bench) => measureWarm([1e3, 1e4, 1e5], bench),
  },
  {
    name: "scan-million",
    title: "Scanning a store of a million files",
    large: true,
    run: (bench) => measureWarm([1e4, 1e6], bench),
  },
  {
    name: "scan-cold",
    title: "Scanning a store, after dropping caches",
    large: true,
    run: (bench) => measureCold([1e4, 1e5], bench),
  },
  {
    name: "scan-million-cold",
    title: "Scanning a store of a million files, after dropping caches",
    large: true,
    run: (bench) => measureCold([1e6], bench),
  },
];

/** `lines` names what a contestant prints one line for. */
function contestantsIn(scratch) {
  const floor = join(scratch, "floor-scan");
  compileProgram("floor/scan.cpp", floor);
  const hasScan = existsSync(commandLine);
  const format = "%i %n %S %r %F"; // interpreter, needed, soname, RUNPATH
  const all = [
    { name: "floor", floor: true, command: (store) => [floor, store] },
    { name: "floor, inside", floor: true, inside: true, command: (store) => [floor, store] },
    {
      name: "fixelf, inside",
      inside: true,
      missing: !hasScan,
      command: (store) => [process.execPath, inProcess, store],
    },
    {
      name: "fixelf scan",
      missing: !hasScan,
      lines: "elf",
      command: (store) => [process.execPath, commandLine, "scan", store, "--format", "ndjson"],
    },
    {
      name: "fixelf scan, Parquet",
      missing: !hasScan,
      command: (store) => [
        ...[process.execPath, commandLine, "scan", store],
        ...["--format", "parquet", "--output", join(scratch, "rows.parquet")],
      ],
    },
    { name: "node -e 0", command: () => [process.execPath, "-e", "0"] },
    {
      name: "scanelf",
      missing: !isThere("scanelf"),
      command: (store) => ["scanelf", "-qRF", format, store],
    },
    {
      name: "find -type f",
      missing: !isThere("find"),
      lines: "files",
      command: (store) => ["find", store, "-type", "f"],
    },
  ];
  return {
    contestants: all.filter(({ missing }) => !missing),
    leftOut: all.filter(({ missing }) => missing).map(({ name }) => `${name}, which is not here`),
  };
}

function provide(sizes, scratch) {
  const { contestants, leftOut } = contestantsIn(scratch);
  if (!existsSync(timer)) leftOut.push(`the memory of other programs, for want of ${timer}`);
  const stores = sizes.map((files) => provideStore(scratch, files));
  for (const store of stores) console.log(describeStore(store));
  for (const store of stores) checkAnswers(contestants, store);
  return { stores, contestants, leftOut };
}

async function measureWarm(sizes, { rounds, scratch }) {
  const { stores, contestants, leftOut } = provide(sizes, scratch);
  const warm = await measure(stores, contestants, rounds, () => {});
  printStores(stores, warm, "page cache warm");
  printGrowth(stores, warm);
  return leftOut;
}

/** Empties the whole machine's caches, again and again. */
async function measureCold(sizes, { rounds, scratch }) {
  if (!canDropCaches()) return [`cold caches: ${dropCaches} can't be written`];
  const { stores, contestants, leftOut } = provide(sizes, scratch);
  const empty = join(scratch, "empty");
  mkdirSync(empty);
  const cold = await measure(stores, contestants, Math.min(rounds, coldRounds), (contestant) => {
    spawnSync("sync");
    writeFileSync(dropCaches, "3");
    // The store is to be cold, not the program.
    spawnSync(contestant.command(empty)[0], contestant.command(empty).slice(1));
  });
  printStores(stores, cold, "after dropping caches");
  return leftOut;
}

/** Rounds in which each has a turn on each store; every other round runs in reverse. */
async function measure(stores, contestants, rounds, prepare) {
  const results = stores.flatMap((store) =>
    contestants.map((contestant) => ({ store, contestant, turns: [] })),
  );
  for (let round = 0; round < rounds; ++round) {
    for (const { store, contestant, turns } of round % 2 === 0 ? results : results.toReversed()) {
      prepare(contestant);
      turns.push(takeTurn(contestant, store.store));
      await setImmediate(); // lets signals be handled
    }
  }
  return results;
}

function takeTurn({ name, inside, command }, store) {
  const [program, ...args] = command(store);
  const line = existsSync(timer) ? [timer, "-q", "-f", "%M", program, ...args] : [program, ...args];
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(line[0], line.slice(1), {
    stdio: ["ignore", inside ? "pipe" : "ignore", "pipe"],
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const whole = performance.now() - start;
  if (error || status !== 0) throw error ?? new Error(`${name} failed:\n${stderr}`);
  return {
    milliseconds: inside ? JSON.parse(stdout).milliseconds : whole,
    peakKilobytes: existsSync(timer) ? Number(stderr.trimEnd().split("\n").at(-1)) : null,
  };
}

/**
 * Before the clock starts: a contestant that doesn't do the work has no time to show. Also warms
 * the caches.
 */
function checkAnswers(contestants, { store, files, elf, hardLinks, malformed }) {
  for (const { name, inside, lines, command } of contestants) {
    if (!inside && !lines) continue;
    const [program, ...args] = command(store);
    const { status, stdout, stderr, error } = spawnSync(program, args, { maxBuffer: 2 ** 31 - 1 });
    if (error || status !== 0) throw error ?? new Error(`${name} failed:\n${stderr}`);
    const seen = inside ? JSON.parse(stdout) : { [lines]: countLines(stdout) };
    // Some count each name, others a file with several names once; some leave out the malformed.
    const fits = {
      files: seen.files === undefined || (seen.files <= files && seen.files >= files - hardLinks),
      elf: seen.elf === undefined || (seen.elf <= elf + hardLinks && seen.elf >= elf - malformed),
    };
    if (!fits.files || !fits.elf) {
      throw new Error(`${name} saw ${JSON.stringify(seen)} of ${files} files and ${elf} ELF files`);
    }
  }
}

function countLines(bytes) {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ++count;
  return count;
}

function printStores(stores, results, circumstances) {
  for (const store of stores) {
    const own = results.filter((result) => result.store === store);
    const turnsOf = (name) => own.find(({ contestant }) => contestant.name === name)?.turns;
    const rows = own.map(({ contestant: { name, inside }, turns }) => {
      const times = turns.map(({ milliseconds }) => milliseconds);
      // A contestant that times itself is compared with the floor's own time.
      const floor = turnsOf(inside ? "floor, inside" : "floor");
      const peer = turnsOf("scanelf");
      const within = turnsOf("fixelf, inside");
      const node = turnsOf("node -e 0");
      const lessNode = turns.map((turn, round) => ({
        milliseconds: turn.milliseconds - node[round].milliseconds,
      }));
      const peak = median(turns.map(({ peakKilobytes }) => peakKilobytes)) * 1024;
      return [
        name,
        median(times).toFixed(1),
        `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`,
        pairedRatio(turns, floor).toFixed(2),
        peer ? pairedRatio(turns, peer).toFixed(3) : "",
        within && name !== "fixelf, inside" ? pairedRatio(turns, within).toFixed(2) : "",
        name.startsWith("fixelf scan") ? pairedRatio(lessNode, floor).toFixed(2) : "",
        ((median(times) * 1000) / store.files).toFixed(2),
        turns[0].peakKilobytes === null ? "?" : megabytes(peak),
      ];
    });
    const ratios = ["× floor", "× scanelf", "× inside", "× floor, less Node"];
    printRows([["", "ms", "from–to", ...ratios, "µs/file", "peak MB"], ...rows], {
      title: `${store.files} files, ${circumstances}`,
      turns: Object.fromEntries(own.map(({ contestant, turns }) => [contestant.name, turns])),
      size: { count: store.files, unit: "files", series: `Scanning, ${circumstances}` },
      targets: targetsFor(store),
    });
  }
}

/** In small stores most of the time goes into starting Node and threads. */
function targetsFor({ files }) {
  return [
    { row: "fixelf, inside", column: "× floor", atMost: 1.25 },
    { row: "fixelf, inside", column: "peak MB", atMost: 150 },
    ...(files < 1e5
      ? [{ row: "fixelf scan", column: "× floor, less Node", atMost: 2.5 }]
      : [
          { row: "fixelf, inside", column: "× scanelf", atMost: 0.2 },
          { row: "fixelf scan", column: "× inside", atMost: 1.15 },
          { row: "fixelf scan, Parquet", column: "× inside", atMost: 1.3 },
        ]),
  ];
}

/** How much longer a file takes in the largest store than in one of 10⁴ files, round by round. */
function printGrowth(stores, results) {
  const [small, large] = [stores.find(({ files }) => files === 1e4), stores.at(-1)];
  const turnsOf = (store, name) =>
    results.find((result) => result.store === store && result.contestant.name === name).turns;
  console.log(`\nTime per file, ${large.files} files against ${small.files}`);
  for (const name of new Set(results.map(({ contestant }) => contestant.name))) {
    if (name === "node -e 0") continue;
    const ratio = pairedRatio(turnsOf(large, name), turnsOf(small, name));
    console.log(`  ${name}: × ${((ratio * small.files) / large.files).toFixed(2)}`);
  }
}

function canDropCaches() {
  try {
    accessSync(dropCaches, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isThere(program) {
  return !spawnSync(program, ["--help"], { stdio: "ignore" }).error;
}
