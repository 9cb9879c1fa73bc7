// The last stage, and the only one that writes.
import { unlink } from "node:fs/promises";
import { cpus } from "node:os";
import picomatch from "picomatch";
import { FixelfError } from "../errors.js";
import { fromNative, native } from "../native.js";
import { insideRoot } from "../rooted.js";
import { stateSubdirectory } from "../state.js";
import { Nix } from "../store/nix.js";
import { addRoots } from "./gc_roots.js";
import type { FilePlan, FixPlan, Outcome } from "./outcome.js";
import { type Verification, verify, verifyScript } from "./verify.js";

/** What is asked of `apply` beside the plan. */
export interface ApplyOptions {
  /** Checked before anything is written, and between writing and rooting. */
  signal?: AbortSignal;
}

/**
 * Writes what was planned, checks each file, and registers GC roots. A file that does not pass the
 * check is given back as it was. The answers are in the plan's order.
 * @throws FixelfError `cancelled`, or where the state directory cannot be made
 */
export async function apply(plan: FixPlan, options: ApplyOptions = {}): Promise<Outcome[]> {
  if (options.signal?.aborted) throw new FixelfError("cancelled", "cancelled before any change");
  const outcomes = new Map<FilePlan, Outcome>();
  for (const file of plan.files) outcomes.set(file, initialOutcome(file));
  const changing = plan.files.filter(({ layout, refusal }) => layout !== null && refusal === null);
  if (changing.length > 0) {
    const records = await stateSubdirectory("undo");
    const jobs = changing.map(({ host, output, layout }) => ({
      path: host,
      output,
      // biome-ignore lint/style/noNonNullAssertion: filtered above
      layout: layout!,
      inPlace: plan.inPlace,
    }));
    const failures = await native.apply(jobs, records);
    for (const [index, file] of changing.entries()) {
      const outcome = outcomes.get(file) as Outcome;
      const failure = failures[index];
      if (failure) Object.assign(outcome, failed(fromNative(failure)));
      else if (file.edits.length > 0) outcome.outcome = "fixed";
    }
  }
  const kept = plan.files.filter((file) => isUsable(outcomes.get(file)));
  await checkAll(kept, plan, outcomes);
  if (plan.gcRoot) await root(plan, outcomes);
  return plan.files.map((file) => outcomes.get(file) as Outcome);
}

function initialOutcome(file: FilePlan): Outcome {
  const { path, edits, reasons, refusal } = file;
  const base = { path, edits, reasons: [...reasons], verified: false };
  if (refusal === null) return { ...base, outcome: "unchanged", error: null };
  base.reasons = []; // they spoke of a change that is not made
  const { code, message } = refusal;
  const outcome = refusal.failed ? "failed" : "refused";
  return { ...base, edits: [], outcome, error: { code, message } };
}

function isUsable(outcome: Outcome | undefined): boolean {
  return outcome?.outcome === "fixed" || outcome?.outcome === "unchanged";
}

function failed({ code, message }: FixelfError): Partial<Outcome> {
  // A file that changed under our hands, or that a rule forbids to touch, was not harmed.
  const refused = code === "changed" || code === "unsupported" || code === "busy";
  return { outcome: refused ? "refused" : "failed", edits: [], error: { code, message } };
}

/** Reads the disk anew, but each library once for all files. */
async function checkAll(
  kept: readonly FilePlan[],
  plan: FixPlan,
  outcomes: ReadonlyMap<FilePlan, Outcome>,
): Promise<void> {
  const isIgnored = plan.ignoreMissing.length > 0 ? picomatch(plan.ignoreMissing) : () => false;
  const files = new native.Files(plan.root);
  const placed = kept
    .filter(({ dynamic, script }) => dynamic || script)
    .map((file) => ({ file, ...insideRoot(file.output, plan.root) }));
  for (const { file, outside } of placed) if (outside) files.passThrough(file.output);
  await inParallel(placed, async ({ file, path }) => {
    const outcome = outcomes.get(file) as Outcome;
    const result = file.script
      ? verifyScript(file, files, plan)
      : await verify(path, file.output, files, plan.root, file.loader, isIgnored);
    outcome.verified = result.readsAsPlanned && result.loaderAgrees === true;
    if (result.reason !== null) outcome.reasons.push(result.reason);
    const disagrees = !result.readsAsPlanned || result.loaderAgrees === false;
    if (outcome.outcome === "fixed" && disagrees) await takeBack(file, outcome, result);
  });
}

async function takeBack(file: FilePlan, outcome: Outcome, result: Verification): Promise<void> {
  const why = result.reason ?? "the check failed";
  const error = {
    code: "verification-failed" as const,
    message: `it was given back as it was: ${why}`,
  };
  try {
    if (file.output === file.host) {
      const [failure] = await native.undo([file.host], await stateSubdirectory("undo"));
      if (failure) throw failure;
    } else {
      await unlink(file.output);
    }
  } catch (caught) {
    error.message = `${why}, and it could not be given back: ${fromNative(caught).message}`;
  }
  Object.assign(outcome, { outcome: "failed", edits: [], verified: false, error });
}

async function root(plan: FixPlan, outcomes: Map<FilePlan, Outcome>): Promise<void> {
  const nix = new Nix({ root: plan.root, store: plan.store, system: plan.system });
  for (const file of plan.files) {
    const outcome = outcomes.get(file) as Outcome;
    if (outcome.outcome !== "fixed" || file.storePaths.length === 0) continue;
    const problem = await addRoots(file.output, file.storePaths, nix);
    if (problem !== null) outcome.reasons.push(problem);
  }
}

/** Each worker takes the next item; the loader is a process, so more than the cores helps nobody. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: cpus().length }, worker));
}
