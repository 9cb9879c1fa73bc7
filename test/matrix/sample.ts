// Which cells to build, and which edits to try on each: all of them, or a sample that touches every
// value of every axis and nearly every pair of values. Both are the same in every run.
import {
  type Axis,
  axes,
  axisNames,
  type Cell,
  examples,
  type Impossibility,
  impossibilities,
  possibleCells,
  product,
  usual,
  whyImpossible,
} from "./axes.js";
import { type Edit, edits } from "./edits.js";

export interface Task {
  cell: Cell;
  edits: Edit[];
}

/** Every pair of values, from two different axes, in a cell. */
function pairsOf(cell: Cell): string[] {
  const values = axisNames.map((axis) => `${axis} ${cell[axis]}`);
  return values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one}, ${other}`));
}

/** The linear congruential generator of Numerical Recipes: the sample has to be repeatable. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * Go recompiles its standard library for every machine, which takes longer than the rest of a cell;
 * the sample does so for this machine and one other.
 */
const affordable = (cell: Cell) =>
  cell.compiler !== "go" || ["x86-64", "aarch64"].includes(cell.machine);

function coveringCells(): Cell[] {
  const candidates = possibleCells().filter(affordable);
  const byPair = new Map<string, Cell[]>();
  for (const cell of candidates)
    for (const pair of pairsOf(cell)) {
      const cells = byPair.get(pair);
      if (cells === undefined) byPair.set(pair, [cell]);
      else cells.push(cell);
    }
  const uncovered = new Set(byPair.keys());
  const random = generator(3);
  const chosen: Cell[] = [];
  while (uncovered.size > 0) {
    // The rarest pair first: one that few cells have leaves the least choice.
    const rarest = [...uncovered].reduce((a, b) =>
      (byPair.get(a)?.length ?? 0) <= (byPair.get(b)?.length ?? 0) ? a : b,
    );
    const holding = byPair.get(rarest) as Cell[];
    let best: { cell: Cell; gain: number } | null = null;
    for (let attempt = 0; attempt < 60; ++attempt) {
      const cell = holding[random(holding.length)] as Cell;
      const gain = pairsOf(cell).filter((pair) => uncovered.has(pair)).length;
      if (best === null || gain > best.gain) best = { cell, gain };
    }
    const { cell } = best as { cell: Cell };
    chosen.push(cell);
    for (const pair of pairsOf(cell)) uncovered.delete(pair);
  }
  return chosen;
}

/** Findings of the whole matrix that are looked for each time. */
const found: { cell: Cell; edits: string[] }[] = [
  {
    // One segment of notes that are padded in two ways, after the program headers.
    cell: { ...usual, linker: "mold", relro: "now" },
    edits: ["interpreter, longer", "RUNPATH, longer", "resolution cache"],
  },
  {
    // A header table that has moved far back, before a hole that LLVM's tools close.
    cell: {
      ...usual,
      machine: "i386",
      kind: "non-PIE",
      relro: "none",
      page: "64/4",
      state: "no sections",
    },
    edits: ["resolution cache"],
  },
];

/** How many edits a cell of the sample gets at least, of those that are not refused. */
const editsPerCell = 3;

const isRefused = (edit: Edit, cell: Cell) => (edit.refused?.(cell) ?? null) !== null;

export function sample(): Task[] {
  const touched = new Map<string, number>();
  const times = (edit: Edit, axis: Axis, cell: Cell) =>
    touched.get(`${edit.name}, ${axis} ${cell[axis]}`) ?? 0;
  const take = (edit: Edit, { cell, edits }: Task) => {
    edits.push(edit);
    for (const axis of axisNames)
      touched.set(`${edit.name}, ${axis} ${cell[axis]}`, times(edit, axis, cell) + 1);
  };
  const tasks = coveringCells().map((cell): Task => ({ cell, edits: [] }));
  for (const task of tasks) {
    const { cell } = task;
    const held = edits.filter((edit) => !isRefused(edit, cell));
    while (task.edits.length < Math.min(editsPerCell, held.length)) {
      // The edit that is newest to the values of this cell, and above all to its machine.
      const novelty = (edit: Edit) =>
        axisNames.reduce(
          (sum, axis) => sum + (axis === "machine" ? 8 : 1) / (1 + times(edit, axis, cell)) ** 2,
          0,
        );
      const rest = held.filter((edit) => !task.edits.includes(edit));
      take(
        rest.reduce((a, b) => (novelty(b) > novelty(a) ? b : a)),
        task,
      );
    }
  }
  // Edits that a machine has not seen yet go to its cells with the least to do.
  for (const machine of axes.machine)
    for (const edit of edits) {
      const able = tasks.filter(({ cell }) => cell.machine === machine && !isRefused(edit, cell));
      if (able.some((task) => task.edits.includes(edit))) continue;
      take(
        edit,
        able.reduce((a, b) => (b.edits.length < a.edits.length ? b : a)),
      );
    }
  // A refusal costs nothing.
  for (const { cell, edits: chosen } of tasks)
    chosen.push(...edits.filter((edit) => isRefused(edit, cell)));
  for (const { cell, edits: names } of found)
    tasks.push({ cell, edits: edits.filter(({ name }) => names.includes(name)) });
  return tasks;
}

/** The n-th value, counted around. */
const turn = <T>(values: readonly T[], n: number) => values[n % values.length] as T;

/**
 * Everything: for this machine's GCC each way to lay out a file; for each machine, compiler,
 * linker, kind and state a cell in which the other axes alternate.
 */
export function everything(): Task[] {
  const layouts = product({ ...axes, machine: ["x86-64"], compiler: ["gcc"], state: ["plain"] });
  const builds = product({ ...axes, relro: ["relro"], page: ["4/4"], hash: ["gnu"] }).map(
    (cell, index) => {
      // MIPS has no DT_GNU_HASH; a value that one turn cannot have goes to the next.
      for (let shift = 0; shift < axes.hash.length; ++shift) {
        const turned = {
          ...cell,
          relro: turn(axes.relro, index),
          page: turn(axes.page, Math.floor(index / 3) + index),
          hash: turn(axes.hash, Math.floor(index / 5) + shift),
        };
        if (whyImpossible(turned) === null) return turned;
      }
      return cell;
    },
  );
  const known = new Set<string>();
  return [...layouts, ...builds]
    .filter((cell) => {
      const key = JSON.stringify(cell);
      const first = !known.has(key);
      known.add(key);
      return first && whyImpossible(cell) === null;
    })
    .map((cell) => ({ cell, edits }));
}

/** The impossible cells to try. */
export function impossibleCells(all: boolean): { impossibility: Impossibility; cell: Cell }[] {
  return impossibilities.flatMap((impossibility) => {
    // Another impossibility may apply first, with other words.
    const cells = examples(impossibility).filter((cell) => whyImpossible(cell) === impossibility);
    return (all ? cells : cells.slice(0, 1)).map((cell) => ({ impossibility, cell }));
  });
}
