// Synthetic stores in Nix's layout, the same for the same number of files and seed.
//
//     node benchmarks/store.mjs DIRECTORY FILES [SEED]
//
// makes DIRECTORY/nix/store by itself. The benchmarks make theirs in their scratch directory; where
// FIXELF_BENCH_STORES names a directory, they are kept there and used again.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { compileProgram } from "./compile.mjs";
import { makeTemplates } from "./store/templates.mjs";

/**
 * Lays out a store below `directory`, which must not have one.
 * @returns {{ root: string, store: string, files: number, storePaths: number, elf: number,
 *   malformed: number, unreadable: number, hardLinks: number, symbolicLinks: number,
 *   directories: number, bytes: number }} `files` counts names of regular files, hard links too
 */
function makeStore(directory, files, seed = 1) {
  const tools = mkdtempSync(join(tmpdir(), "fixelf-store-tools-"));
  try {
    const program = join(tools, "lay-out");
    compileProgram("store/lay_out.cpp", program);
    const templates = makeTemplates(join(tools, "templates"));
    const root = resolve(directory);
    const answer = execFileSync(program, [root, String(files), String(seed), ...templates]);
    return { root, store: join(root, "nix/store"), files, ...JSON.parse(answer) };
  } finally {
    rmSync(tools, { recursive: true, force: true });
  }
}

/** The store of so many files: an earlier one where stores are kept, or a new one in `scratch`. */
export function provideStore(scratch, files, seed = 1) {
  const home = process.env.FIXELF_BENCH_STORES || scratch;
  const directory = join(home, `store-${files}-${seed}`);
  const note = `${directory}.json`; // written last: a store without it is incomplete
  if (existsSync(note)) return JSON.parse(readFileSync(note, "utf8"));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const store = makeStore(directory, files, seed);
  writeFileSync(note, JSON.stringify(store));
  return store;
}

export function describeStore({ files, storePaths, bytes, ...store }) {
  return [
    `${files} files in ${storePaths} store paths, ${(bytes / 1e6).toFixed(0)} MB:`,
    `${store.elf} ELF (${store.malformed} malformed), ${store.directories} directories,`,
    `${store.hardLinks} hard links, ${store.symbolicLinks} symbolic links,`,
    `${store.unreadable} of mode 0${process.getuid() === 0 ? ", which root reads all the same" : ""}`,
  ].join(" ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, files, seed = "1"] = process.argv.slice(2);
  if (!(Number(files) > 0)) throw new Error("usage: store.mjs DIRECTORY FILES [SEED]");
  console.log(describeStore(makeStore(directory, Number(files), Number(seed))));
}
