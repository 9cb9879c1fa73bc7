// How fast files are changed: fixelf compared with what the disk allows, and with other installed
// tools.
import { missingTools, starters, writers } from "./contestants.mjs";
import { Material } from "./material.mjs";
import { measureRounds } from "./measure.mjs";
import { printTable } from "./table.mjs";

const store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz";
const value = ["gcc-14.3.0-lib", "openssl-3.5.2", "zlib-1.3.1", "icu4c-76.1", "curl-8.15.0"]
  .map((name) => `${store}-${name}/lib`)
  .join(":");
const interpreter = `${store}-glibc-2.40-66/lib/ld-linux-x86-64.so.2`;
const searchPath = { value, tag: "runpath" };

export const scenarios = [
  writing({
    name: "write-program",
    title: "One large program: interpreter and RUNPATH",
    material: () => Material.largestProgram(),
    edits: { interpreter, searchPath },
    contestants: writers,
  }),
  writing({
    name: "write-gigabyte",
    title: "One program of a gigabyte: interpreter and RUNPATH",
    material: (scratch) => Material.giant(2 ** 30, scratch),
    edits: { interpreter, searchPath },
    contestants: writers.filter(({ slow }) => !slow),
  }),
  writing({
    name: "write-libraries",
    title: "Many shared libraries: RUNPATH",
    material: () => Material.sharedLibraries(300),
    edits: { searchPath },
    contestants: writers,
  }),
  writing({
    name: "print-runpath",
    title: "To print one RUNPATH, the whole process",
    material: () => Material.sharedLibraries(1),
    edits: {},
    contestants: starters,
  }),
];

function writing({ name, title, material: provide, edits, contestants }) {
  return {
    name,
    title,
    async run({ rounds, scratch }) {
      const material = provide(scratch);
      console.log(`${material.description}\n`);
      printTable(material, await measureRounds({ contestants, material, edits, rounds, scratch }));
      return missingTools();
    },
  };
}
