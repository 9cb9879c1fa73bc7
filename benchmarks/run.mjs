// Measures how fast fixelf is, compared with what the machine allows and with other installed
// tools. How to read the output: benchmarks/README.md.
//
//     npm run bench [-- [--all] [ROUNDS] [NAME…]]
//
// A scenario is { name, title, large?, run }. `run({ rounds, scratch })` measures, prints its
// tables and returns the names of what it had to leave out. A NAME selects a scenario, or all whose
// names start with it and a hyphen; without one all are run. Those that are `large` are run only
// when their whole name is given, or with --all.
//
// The tables and charts of the last run of each scenario are collected in a page:
// out/bench/index.html.
//
// Everything is written below a new directory in $TMPDIR, which is removed afterwards.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scenarios as fixup } from "./fixup.mjs";
import { scenarios as index } from "./index.mjs";
import { scenarios as nixIndex } from "./nix_index.mjs";
import { scenarios as patchelf } from "./patchelf.mjs";
import { scenarios as resolve } from "./resolve.mjs";
import { keep } from "./results.mjs";
import { scenarios as scan } from "./scan.mjs";
import { scenarios as search } from "./search.mjs";
import { scenarios as standIn } from "./stand_in.mjs";
import { describeMachine, tables } from "./table.mjs";
import { scenarios as watch } from "./watch.mjs";
import { scenarios as writing } from "./writing.mjs";

const scenarios = [
  ...writing,
  ...scan,
  ...search,
  ...index,
  ...nixIndex,
  ...resolve,
  ...patchelf,
  ...fixup,
  ...standIn,
  ...watch,
];
const { rounds, chosen } = readArguments(process.argv.slice(2));

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-bench-")));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const machine = describeMachine(scratch);
console.log(
  `Node ${machine.node}, Linux ${machine.linux}, ${machine.processors}\n` +
    `${scratch} is on ${machine.fileSystem}; ${rounds} rounds, medians`,
);
const allLeftOut = new Set();
let page = "";
for (const { name, title, run } of chosen) {
  console.log(`\n${title}`);
  const measured = {
    name,
    title,
    date: new Date().toISOString(),
    rounds,
    machine: describeMachine(scratch),
  };
  const first = tables.length;
  const leftOut = [...new Set(await run({ rounds, scratch }))];
  for (const each of leftOut) allLeftOut.add(each);
  page = keep({ ...measured, leftOut, tables: tables.slice(first) });
}
for (const name of allLeftOut) console.log(`\nLeft out: ${name}`);
console.log(`\n${page}`);

function readArguments(args) {
  const all = args.includes("--all");
  const counts = args.filter((arg) => /^[1-9]\d*$/.test(arg)).map(Number);
  const names = args.filter((arg) => arg !== "--all" && !/^\d+$/.test(arg));
  const fits = (name, scenario) => scenario === name || scenario.startsWith(`${name}-`);
  const unknown = names.filter((name) => !scenarios.some((scenario) => fits(name, scenario.name)));
  if (unknown.length > 0 || counts.length > 1 || args.includes("0")) {
    const known = scenarios.map(({ name }) => name).join(", ");
    throw new Error(`usage: npm run bench [-- [--all] [ROUNDS] [NAME…]]; names: ${known}`);
  }
  const chosen = scenarios.filter(({ name, large }) => {
    if (names.includes(name)) return true;
    if (large && !all) return false;
    return names.length === 0 || names.some((asked) => fits(asked, name));
  });
  return { rounds: counts[0] ?? 5, chosen };
}
