// One cell under all its edits: each is made on a copy of its own, the judges are run on all the copies, and each edit
// is repeated and undone.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { native } from "../../lib/addon/native.js";
import { type Cell, cellName } from "./axes.js";
import { type Bench, benchOf, digest } from "./bench.js";
import { build } from "./build.js";
import { disagreements } from "./compare.js";
import type { Door } from "./doors.js";
import type { Edit, Step } from "./edits.js";
import { type Growth, growthBy, sizes } from "./growth.js";
import { hear, type Subject } from "./judge.js";

/** How an edit went: what was wrong, if anything. */
export interface Verdict {
  edit: string;
  door: Door["name"];
  outcome: "held" | "refused";
  /** Compared with the other patchelf; null if there is none, or it has not made the edit. */
  growth: Growth | null;
  faults: string[];
}

export interface Surroundings {
  home: string;
  /** The doors for each edit, where it can be requested there. */
  doors: readonly Door[];
  /** Another patchelf's path, to compare sizes with, or null. */
  peer: string | null;
  /** Whether the results are judged, and each edit repeated and undone; if not, only sizes are compared. */
  judged: boolean;
}

export async function tryEdits(
  cell: Cell,
  edits: readonly Edit[],
  { home, doors, peer, judged }: Surroundings,
): Promise<Verdict[]> {
  const built = await build(cell);
  await mkdir(home, { recursive: true });
  const bench = (name: string) => benchOf(built, join(home, name.replaceAll(/\W+/g, "-")));

  const attempts: Attempt[] = [];
  for (const door of doors)
    for (const edit of edits) {
      const attempt = new Attempt(edit, door, await bench(`${door.name} ${edit.name}`));
      if (!attempt.canBeAsked) continue;
      await attempt.make(door === doors[0] ? peer : null);
      attempts.push(attempt);
    }

  if (judged) await judge(await bench("unedited"), built.output, attempts);
  // Broken copies are kept for examination.
  for (const { bench, faults } of attempts)
    if (faults.length === 0) await rm(bench.directory, { recursive: true });
  return attempts.map((attempt) => attempt.verdict);
}

/** Runs the judges on all copies and on an unedited one, and repeats each edit and undoes it. */
async function judge(bench: Bench, output: string, attempts: readonly Attempt[]): Promise<void> {
  const made = attempts.filter((attempt) => attempt.isMade);
  const [before, ...after] = await hear([
    { bench, env: {} },
    ...made.map(({ subject }) => subject),
  ]);
  if (before?.output !== output) throw new Error(`unedited, the program prints ${before?.output}`);

  for (const [index, testimony] of after.entries()) {
    const attempt = made[index] as Attempt;
    attempt.faults.push(...disagreements(attempt.edit, attempt.bench, before, testimony));
    await attempt.repeat();
    if (attempt.door.keepsRecords) await attempt.undo();
  }
  await rm(bench.directory, { recursive: true });
}

/** In bytes. Room made for one more program header is room for two (docs/architecture.md). */
const roomForHeader = 64;

/** An edit of a copy. Whatever fails is a fault of the edit. */
class Attempt {
  readonly faults: string[] = [];
  /** Edited, so that the judges can be asked. */
  isMade = false;
  private readonly reason: string | null;
  private readonly records: string;
  private growth: Growth | null = null;
  private steps: Step[] = [];
  /** The digest of each file before its edit. */
  private readonly first = new Map<string, string>();

  constructor(
    readonly edit: Edit,
    readonly door: Door,
    readonly bench: Bench,
  ) {
    this.reason = edit.refused?.(bench.cell) ?? null;
    this.records = join(bench.directory, "records");
  }

  get canBeAsked(): boolean {
    return this.edit.steps(this.bench).every(({ edits }) => this.door.takes(edits));
  }

  get subject(): Subject {
    return { bench: this.bench, env: this.edit.environment?.(this.bench) ?? {} };
  }

  get verdict(): Verdict {
    const outcome = this.reason === null ? "held" : "refused";
    const { edit, door, growth, faults } = this;
    return { edit: edit.name, door: door.name, outcome, growth, faults };
  }

  make(peer: string | null): Promise<void> {
    return this.orFault(async () => {
      await mkdir(this.records);
      if (this.reason !== null) return this.refuse(this.reason);
      await this.edit.prepare?.(this.bench);
      this.steps = this.edit.steps(this.bench);
      const theirs = peer === null ? null : await growthBy(peer, this.steps, this.bench);
      const paths = this.steps.map(({ path }) => path);
      const before = await sizes(paths);
      for (const { path, edits } of this.steps) {
        if (!this.first.has(path)) this.first.set(path, await digest(path));
        await this.door.change(path, edits, this.records);
      }
      const ours = (await sizes(paths)) - before;
      if (theirs !== null) this.growth = { of: cellName(this.bench.cell), ours, theirs };
      if (theirs !== null && ours > theirs + roomForHeader)
        this.faults.push(`the file grows by ${ours} bytes, by another patchelf by ${theirs}`);
      this.isMade = true;
    });
  }

  private async refuse(reason: string) {
    const [step] = this.edit.steps(this.bench);
    const { path, edits } = step as Step;
    const first = await digest(path);
    const failure = await this.door.change(path, edits, this.records).then(
      () => null,
      (error: Error & { code?: string }) => error,
    );
    if (failure === null && !this.door.passesOver && !this.edit.mayBeIdle)
      this.faults.push(`not refused, although ${reason}`);
    else if (failure !== null && failure.code !== "unsupported")
      this.faults.push(`refused as ${failure.code}: ${failure.message}`);
    else if ((await digest(path)) !== first) this.faults.push("refused, but the file has changed");
  }

  /** Repeats the last edit of each file. */
  repeat(): Promise<void> {
    return this.orFault(async () => {
      const last = new Map(this.steps.map((step) => [step.path, step]));
      for (const { path, edits } of last.values()) {
        const again = await native.layOut(path, edits);
        if (again.ranges.length > 0 || again.newSize !== again.oldSize)
          this.faults.push(`the same edit again changes something: ${again.reasons.join("; ")}`);
      }
    });
  }

  undo(): Promise<void> {
    return this.orFault(async () => {
      for (const [path, sum] of this.first) {
        if ((await digest(path)) === sum) continue;
        const [failure] = await native.undo([path], this.records);
        if (failure) this.faults.push(`undo: ${failure.message}`);
        if ((await digest(path)) !== sum)
          this.faults.push("undo does not give back the first bytes");
      }
    });
  }

  private async orFault(work: () => Promise<void>) {
    try {
      await work();
    } catch (failure) {
      this.faults.push(failure instanceof Error ? failure.message : String(failure));
    }
  }
}
