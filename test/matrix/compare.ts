// What the judges find in an edited file: where their answers differ from those before the edit, and from what was
// requested.
import type { Cell } from "./axes.js";
import type { Bench } from "./bench.js";
import type { Claims, Edit } from "./edits.js";
import type { Testimony } from "./judge.js";

export function disagreements(
  edit: Edit,
  bench: Bench,
  before: Testimony,
  after: Testimony,
): string[] {
  const { cell } = bench;
  const expected = edit.prints?.(before.output, cell) ?? before.output;
  return [
    ...(after.output === expected ? [] : [`prints ${JSON.stringify(after.output)}`]),
    ...newComplaints(before.complaints, after.complaints)
      .filter((complaint) => !edit.complaint?.test(complaint) && !isMistaken(complaint, cell))
      .map((complaint) => `new complaint: ${complaint}`),
    ...unmet(edit.says?.(bench), after.readelf),
    ...unmet(claimsOfSymbols(edit, cell), withoutStaticSymbols(after.readelf)),
    ...Object.entries(after.tools)
      .filter(([tool, output]) => before.tools[tool] === before.output && output !== expected)
      .map(([tool, output]) => `after ${tool} it prints ${JSON.stringify(output.slice(0, 300))}`),
    ...symbolsLostOrNew(edit, cell, before.symbols, after.symbols),
    ...before.running
      .filter((fact) => !after.running.includes(fact))
      .map((fact) => `gdb, running it, no longer sees: ${fact}`),
  ];
}

/**
 * eu-elflint (check_one_reloc) takes a relocated word to be as long as its symbol: where mold has
 * recorded the length of a library's function, an address before a read-only segment seems to reach
 * into it. If that were true, the program would not run.
 */
const isMistaken = (complaint: string, { linker }: Cell) =>
  linker === "mold" &&
  /'\.rela?\.(plt|dyn)': relocation N: read-only section modified/.test(complaint);

/** Those later complaints that were not made before, or less often. */
function newComplaints(before: string[], after: string[]): string[] {
  const left = [...before];
  return after.filter((complaint) => {
    const known = left.indexOf(complaint);
    if (known >= 0) left.splice(known, 1);
    return known < 0;
  });
}

const claimsOfSymbols = (edit: Edit, cell: Cell) =>
  cell.state === "no sections" ? undefined : edit.saysOfSymbols;

/** No loader reads .symtab; its names are kept. */
const withoutStaticSymbols = (readelf: string) =>
  readelf.replace(/^Symbol table '\.symtab' .*\n(.+\n)*/m, "");

function unmet(claims: Claims | undefined, readelf: string): string[] {
  const { present = [], absent = [] } = claims ?? {};
  return [
    ...present
      .filter((pattern) => !pattern.test(readelf))
      .map((pattern) => `readelf does not say ${pattern}`),
    ...absent
      .filter((pattern) => pattern.test(readelf))
      .map((pattern) => `readelf still says ${pattern}`),
  ];
}

function symbolsLostOrNew(
  { renamed = {}, complaint }: Edit,
  cell: Cell,
  before: string[],
  after: string[],
): string[] {
  const knownAs = (line: string) =>
    Object.entries(renamed).reduce((text, [from, to]) => text.replaceAll(to, from), told(line));
  // BFD (ppc64_elf_get_synthetic_symtab) finds the code behind a descriptor as long as sections are
  // in the order of their addresses; the notes, which come first, may have moved.
  const told = (line: string) =>
    cell.machine === "ppc64" ? line.replace(/^(No line number .*) <\..*>$/, "$1") : line;
  // What was split off before the edit does not have the section at which patchelf stops.
  const expected = (line: string) =>
    complaint?.test(line) ||
    /^warning: section (dynstr|hash|gnu\.hash) not found in .*\.debug$/.test(line);
  const now = new Set(after.filter((line) => !expected(line)).map(knownAs));
  const known = new Set(before.map(told));
  const added = [...now].filter((line) => !known.has(line)).slice(0, 3);
  const gone = [...known].filter((line) => !now.has(line)).slice(0, 3);
  return added.length + gone.length === 0
    ? []
    : [`gdb's symbols: ${JSON.stringify({ added, gone })}`];
}
