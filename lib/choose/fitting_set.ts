// One loader and one set of libraries that fit together: every version that one of them needs is defined by
// another. Each attempt takes the best of everything; if two of its choices do not fit together, one or the other is
// excluded, and the next attempt begins.
//
// This is a search with backtracking, and it is bounded. Nearly always the first attempt succeeds.
import { dirname } from "node:path";
import type { Need } from "../judge/problem.js";
import type { LoaderChoice } from "./loader_choice.js";
import { type Solved, solve, type Task } from "./solve.js";

/** For all loaders together: each attempt resolves every file in a tree again. */
const mostAttempts = 64;

export type LoaderlessTask = Omit<Task, "loader" | "assumed" | "excluded">;

/**
 * The members with the first loader for which a fitting set is found. If there is none for any loader, the attempt with
 * the fewest problems.
 */
export async function fittingSet(
  task: LoaderlessTask,
  choices: readonly LoaderChoice[],
): Promise<Solved[] | null> {
  let best: Solved[] | null = null;
  let left = mostAttempts;
  for (const { loader, reason } of choices) {
    const seen = new Set<string>();
    const waiting: ReadonlySet<string>[] = [new Set()];
    for (let excluded = waiting.pop(); excluded !== undefined; excluded = waiting.pop()) {
      if (left-- === 0) return best;
      const solved = await solve({ ...task, loader, assumed: loader.path, excluded });
      for (const each of solved) {
        if (each.interpreter !== null) each.reasons.unshift(`${loader.path}: ${reason}`);
      }
      const wrong = countProblems(solved);
      if (wrong === 0) return solved;
      if (best === null || wrong < countProblems(best)) best = solved;
      // The last is tried first: excluding what asks for too much comes before excluding what has too little.
      for (const directory of waysOut(solved).reverse()) {
        const further = new Set([...excluded, directory]);
        const key = [...further].sort().join(":");
        if (seen.has(key)) continue;
        seen.add(key);
        waiting.push(further);
      }
    }
  }
  return best;
}

function countProblems(solved: readonly Solved[]): number {
  return solved.reduce((sum, { problems }) => sum + problems.length, 0);
}

/** The directories whose exclusion would avoid the first avoidable conflict. */
function waysOut(solved: readonly Solved[]): string[] {
  const chosen = new Set(solved.flatMap((other) => [...other.chosen]));
  for (const each of solved) {
    for (const { need } of each.problems) {
      if (need === null || need.kind === "loader") continue;
      const { neededBy, provider } = sidesOf(need);
      const culprits = [chosenAbove(neededBy, each, chosen), provider && dirname(provider)];
      const ways = culprits.filter(
        (directory): directory is string => directory !== null && chosen.has(directory),
      );
      if (ways.length > 0) return [...new Set(ways)];
    }
  }
  return [];
}

/** Which file asks for too much, and which has too little. */
function sidesOf(need: Exclude<Need, { kind: "loader" }>): {
  neededBy: string;
  provider: string | null;
} {
  switch (need.kind) {
    case "library":
      return { neededBy: need.library.neededBy, provider: null };
    case "version":
      return { neededBy: need.version.neededBy, provider: need.version.providerPath };
    case "libc":
      return { neededBy: need.neededBy, provider: need.path };
  }
}

/** The chosen directory that a file is in, or that the file for whose sake it is loaded is in. */
function chosenAbove(
  path: string,
  { resolution, member }: Solved,
  chosen: ReadonlySet<string>,
): string | null {
  const neededBy = new Map(resolution.libraries.map((library) => [library.path, library.neededBy]));
  const passed = new Set<string>();
  for (let at: string | undefined = path; at !== undefined; at = neededBy.get(at)) {
    if (chosen.has(dirname(at))) return dirname(at);
    if (at === member.path || passed.has(at)) return null;
    passed.add(at);
  }
  return null;
}
