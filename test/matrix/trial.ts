// One cell under all its edits: each is made on a copy of its own, the judges are heard on all the
// copies, and each edit is repeated and taken back.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { native } from "../../lib/addon/native.js";
import type { Cell } from "./axes.js";
import { type Bench, benchOf, change, digest } from "./bench.js";
import { build } from "./build.js";
import { disagreements } from "./compare.js";
import type { Edit, Step } from "./edits.js";
import { hear, type Subject } from "./judge.js";

/** How an edit went: what was wrong, if anything. */
export interface Verdict {
  edit: string;
  outcome: "held" | "refused";
  faults: string[];
}

export async function tryEdits(
  cell: Cell,
  edits: readonly Edit[],
  home: string,
): Promise<Verdict[]> {
  const built = await build(cell);
  await mkdir(home, { recursive: true });
  const bench = (name: string) => benchOf(built, join(home, name.replaceAll(/\W+/g, "-")));

  const unedited: Subject = { bench: await bench("unedited"), env: {} };
  const attempts: Attempt[] = [];
  for (const edit of edits) {
    const attempt = new Attempt(edit, await bench(edit.name));
    await attempt.make();
    attempts.push(attempt);
  }

  const made = attempts.filter((attempt) => attempt.isMade);
  const [before, ...after] = await hear([unedited, ...made.map((attempt) => attempt.subject)]);
  if (before?.output !== built.output)
    throw new Error(`unedited, the program prints ${before?.output}`);

  for (const [index, testimony] of after.entries()) {
    const attempt = made[index] as Attempt;
    attempt.faults.push(...disagreements(attempt.edit, attempt.bench, before, testimony));
    await attempt.repeat();
    await attempt.undo();
  }

  // What broke is left for whoever wants to look at it.
  await rm(unedited.bench.directory, { recursive: true });
  for (const { bench, faults } of attempts)
    if (faults.length === 0) await rm(bench.directory, { recursive: true });
  return attempts.map((attempt) => attempt.verdict);
}

/** An edit of a copy. Whatever fails is a fault of the edit. */
class Attempt {
  readonly faults: string[] = [];
  /** Edited, so that the judges can be asked. */
  isMade = false;
  private readonly reason: string | null;
  private readonly records: string;
  private steps: Step[] = [];
  /** The digest of each file before its edit. */
  private readonly first = new Map<string, string>();

  constructor(
    readonly edit: Edit,
    readonly bench: Bench,
  ) {
    this.reason = edit.refused?.(bench.cell) ?? null;
    this.records = join(bench.directory, "records");
  }

  get subject(): Subject {
    return { bench: this.bench, env: this.edit.environment?.(this.bench) ?? {} };
  }

  get verdict(): Verdict {
    const outcome = this.reason === null ? "held" : "refused";
    return { edit: this.edit.name, outcome, faults: this.faults };
  }

  make(): Promise<void> {
    return this.orFault(async () => {
      if (this.reason !== null) return this.refuse(this.reason);
      await mkdir(this.records);
      await this.edit.prepare?.(this.bench);
      this.steps = this.edit.steps(this.bench);
      for (const { path, edits } of this.steps) {
        if (!this.first.has(path)) this.first.set(path, await digest(path));
        await change(path, edits, this.records);
      }
      this.isMade = true;
    });
  }

  private async refuse(reason: string) {
    const [step] = this.edit.steps(this.bench);
    const { path, edits } = step as Step;
    const first = await digest(path);
    const failure = await native.layOut(path, edits).then(
      () => null,
      (error: Error & { code?: string }) => error,
    );
    if (failure === null) this.faults.push(`not refused, although ${reason}`);
    else if (failure.code !== "unsupported")
      this.faults.push(`refused as ${failure.code}: ${failure.message}`);
    else if ((await digest(path)) !== first) this.faults.push("refused, but the file has changed");
  }

  /** The last edit of each file, once more. */
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
