// The last stage, and the only one that writes.
import { basename, dirname } from "node:path";
import picomatch from "picomatch";
import { cancelledBy, untilAborted } from "../addon/cancellation.js";
import { type FileIdentity, fromNative, native } from "../addon/native.js";
import { checkMade, checkOptions } from "../base/arguments.js";
import { accessSync, constants, unlink } from "../base/disk.js";
import type { FixelfError } from "../base/errors.js";
import { fixelfCommand } from "../base/shell.js";
import { HeldDirectory } from "../file/held_directory.js";
import { insideRoot } from "../file/rooted.js";
import { madeStateSubdirectory, stateSubdirectory } from "../file/state.js";
import { Nix } from "../store/nix.js";
import { placeOptions } from "../store/place.js";
import { addRoots } from "./gc_roots.js";
import type { FilePlan, FixPlan, Outcome } from "./outcome.js";
import { type Verification, verify, verifyScript } from "./verify.js";

/** Options for `apply`, besides the plan. */
export interface ApplyOptions {
  /** No file is begun after it has aborted. */
  signal?: AbortSignal;
  /** Told about each file that was written, and the state it was left in. */
  onWritten?: (file: FilePlan, left: FileIdentity) => void;
}

/**
 * Writes what was planned, checks each file, and registers GC roots. A file that fails the check is restored. The
 * outcomes are in the plan's order. If the signal aborts after some files have been written, these are checked and
 * rooted as usual, and the others have failed with `cancelled`.
 * @throws FixelfError `cancelled`, with the signal's reason as its cause, if nothing has been written; or if the state
 *   directory cannot be made
 */
export async function apply(plan: FixPlan, options: ApplyOptions = {}): Promise<Outcome[]> {
  checkMade("apply", "the plan", "plan()", plan, {
    files: "list",
    leftovers: "list of strings",
    ignoreMissing: "list of strings",
    inPlace: "boolean",
    gcRoot: "boolean",
    root: "string",
    store: "string",
    system: "string",
  });
  checkOptions<ApplyOptions>("apply", options, { signal: "AbortSignal", onWritten: "function" });
  const { signal } = options;
  if (signal?.aborted) throw cancelledBy(signal);
  const outcomes = new Map<FilePlan, Outcome>();
  for (const file of plan.files) outcomes.set(file, initialOutcome(file));
  const left: Left = new Map();
  const changing = plan.files.filter(({ layout, refusal }) => layout !== null && refusal === null);
  if (changing.length > 0) {
    const records = await madeStateSubdirectory("undo");
    const jobs = changing.map(({ host, output, layout }) => ({
      path: host,
      output,
      // biome-ignore lint/style/noNonNullAssertion: filtered above
      layout: layout!,
      inPlace: plan.inPlace,
    }));
    const failures = await untilAborted(signal, () =>
      native.apply(jobs, records, (index, identity) => {
        const file = changing[index] as FilePlan;
        left.set(file, identity);
        options.onWritten?.(file, identity);
      }),
    );
    if (signal?.aborted && failures.every((failure) => failure?.code === "cancelled"))
      throw cancelledBy(signal);
    for (const [index, file] of changing.entries()) {
      const outcome = outcomes.get(file) as Outcome;
      const failure = failures[index];
      if (failure) Object.assign(outcome, failed(withOtherWay(fromNative(failure), file, plan)));
      else if (file.edits.length > 0) outcome.outcome = "fixed";
    }
  }
  if (plan.leftovers.length > 0) await native.removeAbandoned(plan.leftovers);
  const kept = plan.files.filter((file) => isUsable(outcomes.get(file)));
  await checkAll(kept, plan, outcomes, left);
  if (plan.gcRoot) await root(plan, outcomes);
  return plan.files.map((file) => outcomes.get(file) as Outcome);
}

/** The state of what was written, at that time. */
type Left = Map<FilePlan, FileIdentity>;

function initialOutcome(file: FilePlan): Outcome {
  const { path, kind, edits, reasons, refusal, missing } = file;
  const base = {
    ...{ path, kind, edits, reasons: [...reasons], missing },
    ...{ verified: false, remaining: [] },
  };
  if (refusal === null) return { ...base, outcome: "unchanged", error: null };
  base.reasons = []; // they describe a change that is not made
  const { code, message } = refusal;
  const outcome = refusal.failed ? "failed" : "refused";
  return { ...base, edits: [], outcome, error: { code, message } };
}

function isUsable(outcome: Outcome | undefined): boolean {
  return outcome?.outcome === "fixed" || outcome?.outcome === "unchanged";
}

function failed({ code, message }: Pick<FixelfError, "code" | "message">): Partial<Outcome> {
  // A file that changed in the meantime, or that a rule forbids changing, was not harmed.
  const refused = code === "changed" || code === "unsupported" || code === "busy";
  return { outcome: refused ? "refused" : "failed", edits: [], error: { code, message } };
}

/** If only its directory is not writable, the file itself may be. */
function withOtherWay(
  failure: FixelfError,
  { path, host, output }: FilePlan,
  plan: FixPlan,
): Pick<FixelfError, "code" | "message"> {
  const { code, message } = failure;
  const isOfDirectory = !plan.inPlace && host === output && !isWritable(dirname(host));
  if (code !== "permission-denied" || !isOfDirectory || !isWritable(host)) return failure;
  const command = fixelfCommand("fix --in-place", path, placeOptions(plan));
  return { code, message: `${message}; write into the file itself: ${command}` };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Reads the disk again, but each library only once for all files. */
async function checkAll(
  kept: readonly FilePlan[],
  plan: FixPlan,
  outcomes: ReadonlyMap<FilePlan, Outcome>,
  left: Left,
): Promise<void> {
  const isIgnored =
    plan.ignoreMissing.length > 0 ? picomatch([...plan.ignoreMissing]) : () => false;
  const files = new native.Files(plan.root);
  const placed = kept
    .filter(({ dynamic, script }) => dynamic || script)
    .map((file) => ({ file, ...insideRoot(file.output, plan) }));
  for (const { file, outside } of placed) if (outside) files.passThrough(file.output);
  const scripts = placed.filter(({ file }) => file.script);
  const programs = placed.filter(({ file }) => !file.script);
  const results = new Map<FilePlan, Verification>();
  for (const { file } of scripts) results.set(file, await verifyScript(file, files, plan));
  const answers = await verify(programs, { files, place: plan, isIgnored });
  for (const [index, { file }] of programs.entries())
    results.set(file, answers[index] as Verification);
  for (const [file, result] of results) {
    const outcome = outcomes.get(file) as Outcome;
    outcome.remaining = result.remaining.map(({ message }) => message);
    outcome.verified =
      result.readsAsPlanned && result.loaderAgrees === true && result.remaining.length === 0;
    if (result.reason !== null) outcome.reasons.push(result.reason);
    const disagrees = !result.readsAsPlanned || result.loaderAgrees === false;
    if (outcome.outcome === "fixed" && disagrees)
      await takeBack(file, outcome, result, left.get(file));
  }
}

/** `left`: what was written; undefined if something else wrote to it while it was put in place. */
async function takeBack(
  file: FilePlan,
  outcome: Outcome,
  { reason }: Verification,
  left: FileIdentity | undefined,
): Promise<void> {
  const why = reason ?? "the check failed";
  let error: NonNullable<Outcome["error"]> = {
    code: "verification-failed",
    message: `it was restored: ${why}`,
  };
  try {
    if (file.output !== file.host)
      await HeldDirectory.of(file.output).during((directory) =>
        unlink(directory.at(basename(file.output))),
      );
    else if (left === undefined) error = changedSince(why);
    else await native.takeBack(file.host, await stateSubdirectory("undo"), left);
  } catch (caught) {
    const { code, message } = fromNative(caught);
    if (code === "changed") error = changedSince(why);
    else error.message = `${why}, and it could not be restored: ${message}`;
  }
  Object.assign(outcome, { outcome: "failed", edits: [], verified: false, error });
}

/** What failed the check is not what was written. */
function changedSince(why: string): NonNullable<Outcome["error"]> {
  const message = `somebody else changed it, or took it back, right after it was written: ${why}`;
  return { code: "changed", message };
}

async function root(plan: FixPlan, outcomes: Map<FilePlan, Outcome>): Promise<void> {
  const nix = new Nix({ root: plan.root, store: plan.store, system: plan.system });
  const fixed = plan.files.filter(
    (file) => outcomes.get(file)?.outcome === "fixed" && file.storePaths.length > 0,
  );
  if (fixed.length === 0) return;
  const problems = await addRoots(
    fixed.map(({ output, storePaths }) => ({ file: output, storePaths })),
    nix,
  );
  for (const [index, file] of fixed.entries()) {
    const problem = problems[index];
    if (problem) outcomes.get(file)?.reasons.push(problem);
  }
}
