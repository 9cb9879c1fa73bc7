// The matrix: every cell is built, edited in every way, and the result judged by other tools.
//
//     npm run test:matrix                           all of it: an hour and a half on two cores
//     FIXELF_MATRIX=sample npm run test:matrix      a sample that touches every value of every axis
//     FIXELF_MATRIX=3/8 npm run test:matrix         the third eighth of it
//
//     FIXELF_MATRIX_JUDGES=none npm run test:matrix only by how much files grow
//
// FIXELF_MATRIX_DOOR=patchelf asks fixelf-patchelf for the edits, not the core. FIXELF_MATRIX_ONLY is a regular
// expression that the names of cells have to match.
import { mkdtempSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isHere, needs } from "../support/needs.js";
import { axes, axisNames, cellName } from "./axes.js";
import { build } from "./build.js";
import { core, namedDoor, patchelf } from "./doors.js";
import { type Growth, table } from "./growth.js";
import { ask, demand } from "./process.js";
import { runner } from "./run.js";
import { everything, impossibleCells, sample, type Task } from "./sample.js";
import { tools } from "./tools.js";
import { tryEdits, type Verdict } from "./trial.js";

const extent = process.env.FIXELF_MATRIX ?? "1/1";
const judged = process.env.FIXELF_MATRIX_JUDGES !== "none";
const only = new RegExp(process.env.FIXELF_MATRIX_ONLY ?? "");

function chosen(): Task[] {
  if (extent === "sample") return sample();
  const [share, shares] = extent.split("/").map(Number) as [number, number];
  return everything().filter((_, index) => index % shares === share - 1);
}

/** In the sample every fourth cell is tried through both doors. */
function doorsFor(index: number) {
  const named = namedDoor();
  if (named !== null) return [named];
  return extent === "sample" && index % 4 === 0 ? [core, patchelf] : [core];
}

describe("the matrix", needs(...tools), () => {
  const home = mkdtempSync(join(tmpdir(), "fixelf-matrix-trials-"));
  const verdicts: (Verdict & Pick<Task, "cell">)[] = [];
  const tasks = chosen().filter(({ cell }) => only.test(cellName(cell)));

  // Failed copies are kept to be examined.
  afterAll(async () => {
    await rmdir(home).catch(() => {});
    console.log(report(tasks, verdicts));
  });

  for (const [index, { cell, edits }] of tasks.entries()) {
    it.concurrent(cellName(cell), async () => {
      const place = join(home, String(index));
      const faults: string[] = [];
      const peer = isHere("patchelf")
        ? (await demand("sh", ["-c", "command -v patchelf"])).trim()
        : null;
      const doors = doorsFor(index);
      for (const verdict of await tryEdits(cell, edits, { home: place, doors, peer, judged })) {
        verdicts.push({ cell, ...verdict });
        const name = `${verdict.edit}, ${verdict.door}`;
        faults.push(...verdict.faults.map((fault) => `${name}: ${fault}`));
      }
      // Immediately, because the whole takes hours.
      if (faults.length > 0)
        console.error([`${cellName(cell)}, see ${place}`, ...faults].join("\n  "));
      expect(faults, `see ${place}`).toEqual([]);
      await rm(place, { recursive: true });
    });
  }

  for (const { impossibility, cell } of judged ? impossibleCells(extent !== "sample") : []) {
    it.concurrent(`cannot exist: ${cellName(cell)} (${impossibility.reason})`, async () => {
      if (impossibility.buildSays !== null) {
        await expect(build(cell)).rejects.toThrow(impossibility.buildSays);
        return;
      }
      const { directory, subject, program, output } = await build(cell);
      if (impossibility.elflintSays !== undefined) {
        const { stdout } = await ask("eu-elflint", ["--gnu-ld", join(directory, subject)]);
        expect(stdout).toMatch(impossibility.elflintSays);
        return;
      }
      const started = runner(cell.machine, join(directory, program), { cwd: directory });
      // Failing to end is also a failure.
      const { stdout } = await ask(started.command, started.args, {
        cwd: directory,
        timeout: 20_000,
      });
      expect(stdout).not.toBe(output);
    });
  }
});

/** How often each value of each axis occurred, and how the edits went. */
function report(tasks: Task[], verdicts: Verdict[]): string {
  const count = <T>(items: T[], wanted: (item: T) => boolean) => items.filter(wanted).length;
  const lines = axisNames.map((axis) => {
    const met = axes[axis].map(
      (value) => `${value} ${count(tasks, ({ cell }) => cell[axis] === value)}`,
    );
    return `  ${axis}: ${met.join(", ")}`;
  });
  const nameOf = ({ edit, door }: Verdict) => (door === core.name ? edit : `${edit}, ${door}`);
  const names = [...new Set(verdicts.map(nameOf))].map((name) => {
    const of = verdicts.filter((verdict) => nameOf(verdict) === name);
    const held = count(of, ({ outcome, faults }) => outcome === "held" && faults.length === 0);
    const refused = count(of, ({ outcome, faults }) => outcome === "refused" && !faults.length);
    const failed = count(of, ({ faults }) => faults.length > 0);
    return `  ${name}: ${held} held, ${refused} rightly refused, ${failed} failed`;
  });
  const growths = new Map<string, Growth[]>();
  for (const { edit, growth } of verdicts)
    if (growth !== null) growths.set(edit, [...(growths.get(edit) ?? []), growth]);
  return [
    `${tasks.length} cells, by axis:`,
    ...lines,
    `${verdicts.length} edits of them:`,
    ...names,
    table(growths),
  ].join("\n");
}
