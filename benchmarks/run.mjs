// Measures how fast fixelf writes, beside what the disk allows and beside what else is installed.
// How to read what it prints: benchmarks/README.md.
//
//     npm run bench [-- ROUNDS]
//
// Everything is written below a new directory in $TMPDIR, which is removed afterwards.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingTools, starters, writers } from "./contestants.mjs";
import { Material } from "./material.mjs";
import { measureRounds } from "./measure.mjs";
import { describeMachine, printTable } from "./table.mjs";

const rounds = Number(process.argv[2] ?? 5);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("usage: npm run bench [-- ROUNDS]");

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-bench-")));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz";
const searchPath = ["gcc-14.3.0-lib", "openssl-3.5.2", "zlib-1.3.1", "icu4c-76.1", "curl-8.15.0"]
  .map((name) => `${store}-${name}/lib`)
  .join(":");

console.log(describeMachine(scratch, rounds));
const interpreter = `${store}-glibc-2.40-66/lib/ld-linux-x86-64.so.2`;
const runpath = { value: searchPath, tag: "runpath" };
const scenarios = [
  {
    title: "One large program: interpreter and RUNPATH",
    material: Material.largestProgram(),
    edits: { interpreter, searchPath: runpath },
    contestants: writers,
  },
  {
    title: "One program of a gigabyte: interpreter and RUNPATH",
    material: Material.giant(2 ** 30, scratch),
    edits: { interpreter, searchPath: runpath },
    contestants: writers.filter(({ slow }) => !slow),
  },
  {
    title: "Many shared libraries: RUNPATH",
    material: Material.sharedLibraries(300),
    edits: { searchPath: runpath },
    contestants: writers,
  },
  {
    title: "To print one RUNPATH, the whole process",
    material: Material.sharedLibraries(1),
    edits: {},
    contestants: starters,
  },
];
for (const { title, material, edits, contestants } of scenarios) {
  console.log(`\n${title}\n${material.description}\n`);
  printTable(material, await measureRounds({ contestants, material, edits, rounds, scratch }));
}
for (const tool of missingTools()) console.log(`\nLeft out: ${tool}`);
