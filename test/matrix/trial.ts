// One cell under all its edits: each on a fresh copy, judged, repeated, and taken back.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { native } from "../../lib/native.js";
import type { Cell } from "./axes.js";
import { type Bench, benchOf, change, digest } from "./bench.js";
import { type Built, build } from "./build.js";
import type { Claims, Edit } from "./edits.js";
import { complaints, newComplaints, output, outputAfterTools, running, symbols } from "./judge.js";
import { demand } from "./process.js";

/** What is said of the file before any edit. */
interface Before {
  complaints: string[];
  tools: Record<string, string>;
  symbols: string;
  running: string[];
}

/** How an edit went: what was wrong, if anything. */
export interface Verdict {
  edit: string;
  outcome: "held" | "refused";
  faults: string[];
}

export class Trial {
  private constructor(
    private readonly built: Built,
    private readonly home: string,
    private readonly before: Before,
  ) {}

  /** Builds the cell and asks everybody what they say before any edit. */
  static async of(cell: Cell, home: string): Promise<Trial> {
    const built = await build(cell);
    await mkdir(home, { recursive: true });
    const bench = await benchOf(built, join(home, "before"));
    const printed = await output(bench, {});
    if (printed !== built.output) throw new Error(`unedited, the program prints ${printed}`);
    const before: Before = {
      complaints: await complaints(bench.subject),
      tools: await outputAfterTools(bench, {}),
      symbols: await symbols(bench, {}),
      running: cell.machine === "x86-64" ? await running(bench, {}) : [],
    };
    await rm(bench.directory, { recursive: true });
    return new Trial(built, home, before);
  }

  async judge(edit: Edit): Promise<Verdict> {
    const { cell } = this.built;
    const bench = await benchOf(this.built, join(this.home, edit.name.replaceAll(/\W+/g, "-")));
    const reason = edit.refused?.(cell) ?? null;
    let faults: string[];
    try {
      faults =
        reason === null ? await this.hold(edit, bench) : await this.refuse(edit, bench, reason);
    } catch (failure) {
      faults = [failure instanceof Error ? failure.message : String(failure)];
    }
    // What broke is left for whoever wants to look at it.
    if (faults.length === 0) await rm(bench.directory, { recursive: true });
    return { edit: edit.name, outcome: reason === null ? "held" : "refused", faults };
  }

  private async refuse(edit: Edit, bench: Bench, reason: string): Promise<string[]> {
    for (const { path, edits } of edit.steps(bench)) {
      const first = await digest(path);
      const failure = await native.layOut(path, edits).then(
        () => null,
        (error: Error & { code?: string }) => error,
      );
      if (failure === null) return [`not refused, although ${reason}`];
      if (failure.code !== "unsupported") return [`refused as ${failure.code}: ${failure.message}`];
      if ((await digest(path)) !== first) return ["refused, but the file has changed"];
      break;
    }
    return [];
  }

  private async hold(edit: Edit, bench: Bench): Promise<string[]> {
    const faults: string[] = [];
    const records = join(bench.directory, "records");
    await mkdir(records);
    await edit.prepare?.(bench);
    const steps = edit.steps(bench);
    const first = new Map<string, string>();
    for (const { path, edits } of steps) {
      if (!first.has(path)) first.set(path, await digest(path));
      await change(path, edits, records);
    }
    const last = new Map(steps.map((step) => [step.path, step]));

    faults.push(...(await this.disagreements(edit, bench)));

    for (const { path, edits } of last.values()) {
      const again = await native.layOut(path, edits);
      if (again.ranges.length > 0 || again.newSize !== again.oldSize)
        faults.push(`the same edit again changes something: ${again.reasons.join("; ")}`);
    }
    for (const [path, sum] of first) {
      if ((await digest(path)) === sum) continue;
      const [failure] = await native.undo([path], records);
      if (failure) faults.push(`undo: ${failure.message}`);
      if ((await digest(path)) !== sum) faults.push("undo does not give back the first bytes");
    }
    return faults;
  }

  /** What the judges find in the edited file. */
  private async disagreements(edit: Edit, bench: Bench): Promise<string[]> {
    const faults: string[] = [];
    const { cell } = this.built;
    const env = edit.environment?.(bench) ?? {};
    const expected = edit.prints?.(this.built.output, cell) ?? this.built.output;

    const printed = await output(bench, env);
    if (printed !== expected) faults.push(`prints ${JSON.stringify(printed)}`);

    const said = newComplaints(this.before.complaints, await complaints(bench.subject));
    for (const complaint of said)
      if (!edit.complaint?.test(complaint)) faults.push(`new complaint: ${complaint}`);

    faults.push(...(await unmet(edit.says?.(bench), bench.subject, ["-h", "-l", "-d", "-n"])));
    if (cell.state !== "no sections")
      faults.push(...(await unmet(edit.saysOfSymbols, bench.subject, ["--dyn-syms", "-V"])));

    const tools = await outputAfterTools(bench, env);
    for (const [tool, outcome] of Object.entries(tools)) {
      const ranBefore = this.before.tools[tool] === this.built.output;
      if (ranBefore && outcome !== expected)
        faults.push(`after ${tool} it prints ${JSON.stringify(outcome.slice(0, 300))}`);
    }

    const found = await symbols(bench, edit);
    if (found !== this.before.symbols)
      faults.push(`gdb's symbols: ${firstDifference(this.before.symbols, found)}`);
    if (cell.machine === "x86-64") {
      const seen = await running(bench, env);
      for (const fact of this.before.running)
        if (!seen.includes(fact)) faults.push(`gdb, running it, no longer sees: ${fact}`);
    }
    return faults;
  }
}

async function unmet(claims: Claims | undefined, path: string, options: string[]) {
  if (claims === undefined) return [];
  const text = await demand("readelf", ["-W", ...options, path]);
  return [
    ...(claims.present ?? [])
      .filter((pattern) => !pattern.test(text))
      .map((pattern) => `readelf does not say ${pattern}`),
    ...(claims.absent ?? [])
      .filter((pattern) => pattern.test(text))
      .map((pattern) => `readelf still says ${pattern}`),
  ];
}

function firstDifference(before: string, after: string): string {
  const known = new Set(before.split("\n"));
  const now = after.split("\n");
  const added = now.filter((line) => !known.has(line)).slice(0, 3);
  const gone = [...known].filter((line) => !now.includes(line)).slice(0, 3);
  return JSON.stringify({ added, gone });
}
