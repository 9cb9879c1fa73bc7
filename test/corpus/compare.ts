// A scan against the tools, file by file and column by column.
import { closeSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { scan } from "../../lib/scan/scan.js";
import { withUnreadable } from "../../lib/scan/unreadable.js";
import { type Columns, columnsOf } from "./columns.js";
import { pyelftools } from "./pyelftools.js";
import { euReadelf, readelf } from "./readelf.js";
import { reasonFor } from "./reasons.js";
import type { Said, Tool } from "./said.js";

const tools: Readonly<Record<string, Tool>> = {
  readelf,
  "eu-readelf": euReadelf,
  pyelftools,
};

export interface Difference {
  path: string;
  tool: string;
  column: string;
  scan: unknown;
  told: unknown;
}

export interface Comparison {
  /** ELF files that all tools were asked about. */
  files: number;
  /** How many there are of each machine, class and byte order. */
  machines: Map<string, number>;
  /** Values that are equal. */
  equal: number;
  /** How often a difference has which reason: reasons.ts. */
  reasons: Map<string, number>;
  /** Differences without a reason. */
  differences: Difference[];
  /** ELF files missing from the scan, and files in it that should not be. */
  missing: string[];
  /** What the scan could not read: path and error. */
  unreadable: [string, string][];
}

const filesAtOnce = 40;

/** Whether to examine a file, by its index among all of them. */
export type Choice = (index: number) => boolean;

/** Compares the files below a directory; with `root`, the directory is one inside that root. */
export async function compare(
  directory: string,
  { root = "", choose = () => true }: { root?: string; choose?: Choice } = {},
): Promise<Comparison> {
  const rows = new Map<string, Columns>();
  for await (const batch of scan([directory], root === "" ? {} : { root })) {
    const all = withUnreadable(batch);
    for (let row = 0; row < all.length; row++) {
      const columns = all.columns.map(({ name }) => [name, all.value(name, row)] as const);
      rows.set(all.value("path", row) as string, Object.fromEntries(columns));
    }
  }
  const comparison: Comparison = {
    files: 0,
    machines: new Map(),
    equal: 0,
    reasons: new Map(),
    differences: [],
    missing: [],
    unreadable: [],
  };
  const there = elfFiles(root + directory);
  // A file with several names comes under one of them.
  const inodes = new Set([...rows.keys()].map((path) => there.get(root + path)));
  for (const [file, inode] of there) if (!inodes.has(inode)) comparison.missing.push(file);
  for (const [path, { error }] of rows) {
    if (error === null) continue;
    comparison.unreadable.push([path, error as string]);
    rows.delete(path);
  }
  for (const path of rows.keys()) if (!there.has(root + path)) comparison.missing.push(path);
  const chosen = [...rows.keys()].filter((_, index) => choose(index));
  const waiting = Array.from({ length: Math.ceil(chosen.length / filesAtOnce) }, (_, index) =>
    chosen.slice(index * filesAtOnce, (index + 1) * filesAtOnce),
  ).values();
  const work = async () => {
    for (const paths of waiting) {
      for (const [tool, ask] of Object.entries(tools)) {
        const answers = await ask(paths.map((path) => root + path));
        for (const path of paths)
          take(comparison, tool, rows.get(path) as Columns, root + path, answers.get(root + path));
      }
      for (const path of paths) countMachine(comparison, rows.get(path) as Columns);
    }
  };
  await Promise.all([work(), work()]);
  return comparison;
}

function countMachine(comparison: Comparison, row: Columns): void {
  comparison.files++;
  const { machines } = comparison;
  const name = [row.machine, row.class, row.byteOrder].join(" ");
  machines.set(name, (machines.get(name) ?? 0) + 1);
}

function take(
  comparison: Comparison,
  tool: string,
  row: Columns,
  file: string,
  said: Said | null | undefined,
): void {
  const path = row.path as string;
  const told = said ? columnsOf(said, file, path) : null;
  for (const column of new Set([...Object.keys(row), ...Object.keys(told ?? {})])) {
    const [ours, theirs] = [plain(row[column]), plain(told?.[column])];
    if (told !== null && ours === theirs) {
      comparison.equal++;
      continue;
    }
    const reason = reasonFor({ tool, column, row, told });
    if (reason === null)
      comparison.differences.push({ path, tool, column, scan: row[column], told: told?.[column] });
    else comparison.reasons.set(reason, (comparison.reasons.get(reason) ?? 0) + 1);
  }
}

/** For people to read. */
export function reportOf({ files, machines, equal, reasons, differences }: Comparison): string {
  const counts = (all: ReadonlyMap<string, number>) =>
    [...all]
      .sort((one, other) => other[1] - one[1])
      .map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`);
  return [
    `${files} ELF files, ${equal} values equal, ${differences.length} different without a reason`,
    ...counts(machines),
    "different for a reason:",
    ...counts(reasons),
  ].join("\n");
}

/** Numbers of any kind are equal if their digits are. */
function plain(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part) =>
    typeof part === "bigint" || typeof part === "number" ? String(part) : part,
  );
}

/** Every ELF file below a directory, and its inode. */
function elfFiles(directory: string): Map<string, string> {
  const files = new Map<string, string>();
  const magic = Buffer.alloc(4);
  const visit = (path: string) => {
    const state = lstatSync(path);
    if (state.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
    if (!state.isFile() || state.size < 4) return;
    const descriptor = opened(path);
    if (descriptor === null) return;
    readSync(descriptor, magic, 0, 4, 0);
    closeSync(descriptor);
    if (magic.toString("latin1") === "\x7fELF") files.set(path, `${state.dev}:${state.ino}`);
  };
  visit(directory);
  return files;
}

/** The descriptor; null where this user may not read the file. */
function opened(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "EACCES") return null;
    throw failure;
  }
}
