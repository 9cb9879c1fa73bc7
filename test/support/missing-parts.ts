// Lists at the end of a run, once, the parts whose tests were skipped because this machine lacks
// them. In CI, where nothing may be skipped, that is a failure.
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";
import { parts } from "./needs.js";

export default class MissingParts implements Reporter {
  #isFiltered = false;

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules
      .flatMap((module) => [...module.children.allTests("skipped")])
      .map((test) => lackedBy(test));
    const lacked = new Map<string, number>();
    for (const part of skipped.flat()) lacked.set(part, (lacked.get(part) ?? 0) + 1);
    if (lacked.size > 0) console.log(`\nNot here, so not tested:\n\n${table(lacked)}`);
    // Tests that a name pattern leaves out tell nothing about the machine.
    if (!process.env.CI || skipped.length === 0 || (this.#isFiltered && lacked.size === 0)) return;
    console.error(`\nCI is set, where every test has to run: ${skipped.length} were skipped.`);
    process.exitCode = 1;
  }
}

/** The parts needed by a skipped test, or by a group of tests that it belongs to. */
function lackedBy(test: TestCase): string[] {
  const lacks = new Set(test.meta().lacks);
  for (
    let group: TestSuite | TestModule = test.parent;
    group.type === "suite";
    group = group.parent
  )
    for (const part of group.meta().lacks ?? []) lacks.add(part);
  return [...lacks];
}

function table(lacked: ReadonlyMap<string, number>): string {
  const rows = [...parts.values()]
    .filter(({ name }) => lacked.has(name))
    .map(({ name, packages, tests }) => [
      name,
      String(lacked.get(name)),
      tests,
      packages || "(none)",
    ]);
  const all = [["part", "tests", "what they would test", "packages"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join("");
}
