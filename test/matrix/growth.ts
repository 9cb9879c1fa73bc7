// By how many bytes the same edits make a file grow, when made by fixelf and by another patchelf.
import { cp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Bench } from "./bench.js";
import { changeBy, patchelf } from "./doors.js";
import type { Step } from "./edits.js";

/** In bytes. */
export interface Growth {
  /** The cell's name. */
  of: string;
  ours: number;
  theirs: number;
}

/** By how many bytes another patchelf makes the files grow; null if it has not made the edits. */
export async function growthBy(
  program: string,
  steps: readonly Step[],
  bench: Bench,
): Promise<number | null> {
  if (!steps.every(({ edits }) => patchelf.takes(edits))) return null;
  const place = `${bench.directory}-by-another`;
  await cp(bench.directory, place, { recursive: true, verbatimSymlinks: true });
  const there = (path: string) => join(place, path.slice(bench.directory.length));
  try {
    const before = await sizes(steps.map(({ path }) => there(path)));
    for (const { path, edits } of steps) await changeBy(program, there(path), edits);
    return (await sizes(steps.map(({ path }) => there(path)))) - before;
  } catch {
    return null;
  } finally {
    await rm(place, { recursive: true });
  }
}

/** The sum of the sizes of distinct files. */
export async function sizes(paths: readonly string[]): Promise<number> {
  const all = await Promise.all([...new Set(paths)].map((path) => stat(path)));
  return all.reduce((sum, { size }) => sum + size, 0);
}

const exceeding = (all: readonly Growth[]) => all.filter(({ ours, theirs }) => ours > theirs);

/** A line for each edit: how many files were compared, and the median and the largest growth for both. */
export function table(growths: ReadonlyMap<string, readonly Growth[]>): string {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const lines = [...growths].map(([edit, all]) => {
    const figures = [all.map(({ ours }) => ours), all.map(({ theirs }) => theirs)].flatMap(
      (side) => [middle([...side]), Math.max(...side)],
    );
    return `  | ${[edit, all.length, ...figures, exceeding(all).length].join(" | ")} |`;
  });
  const exceptions = [...growths].flatMap(([edit, all]) =>
    exceeding(all).map(({ of, ours, theirs }) => `  ${edit}, ${of}: ${ours} and ${theirs}`),
  );
  return [
    "Bytes that files grow by, fixelf's and patchelf's:",
    "  | edit | files | fixelf, median | most | patchelf, median | most | fixelf more |",
    "  |---|--:|--:|--:|--:|--:|--:|",
    ...lines,
    ...exceptions,
  ].join("\n");
}
