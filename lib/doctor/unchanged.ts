// What fix does not write to: files in the store, and those whose bytes leave no safe way to change them. Programs
// among them run unchanged.
import { dirname } from "node:path";
import type { Facts } from "../addon/facts.js";
import { fromNative, native } from "../addon/native.js";
import type { Edits } from "../addon/requests.js";
import { type FixelfErrorCode, isOfTheMoment } from "../base/errors.js";
import type { ChoiceOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import { isStartedByLoader } from "../file/kind.js";
import { libcOf } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import { currentSearchPath } from "../file/search_path.js";
import type { Subject } from "../file/tree.js";
import { versionsNeededOf } from "../file/versions.js";
import type { Problem } from "../judge/problem.js";
import type { StoreAnswers } from "../store/lazy.js";
import { inStore, type StorePlace } from "../store/place.js";

/** Runs a program as it is; for anything else, or another system's program, prints the settings for it. */
export function unchangedCommand(
  { shown, path, facts, shebang }: Subject,
  options: ChoiceOptions,
  get = false,
): string {
  const isOther = options.root !== undefined && options.root !== "";
  const run = get ? "run --get" : "run";
  if (shebang !== null && isOther)
    return `In the system itself: ${fixelfCommand(run, path, { ...options, root: "" })}`;
  const isRun = shebang !== null || (facts !== null && isStartedByLoader(facts) && !isOther);
  return fixelfCommand(isRun ? run : get ? "env --get" : "env", shown, options);
}

/** Why nothing is written to a file in the store; null for files elsewhere. */
export function refusalInStore(
  subject: Subject,
  options: ChoiceOptions,
  { store }: Pick<StorePlace, "store">,
): string | null {
  if (!inStore(subject.path, store)) return null;
  const copy = `${fixelfCommand("fix", subject.shown, options)} --output NAME`;
  return `it is inside the store, which only Nix may write to; it works unchanged: ${unchangedCommand(subject, options)}; or fix a copy: ${copy}`;
}

/** Why its bytes cannot be rearranged, and what works all the same. */
export function refusalOfLayout(
  caught: unknown,
  subject: Subject,
  options: ChoiceOptions,
): { code: FixelfErrorCode; message: string; failed: false } {
  if (isOfTheMoment(caught)) throw caught;
  const { code, message } = fromNative(caught);
  if (!isOfItsBytes(code)) return { code, message, failed: false };
  const unchanged = unchangedCommand(subject, options);
  return { code, message: `${message}; it works unchanged: ${unchanged}`, failed: false };
}

function isOfItsBytes(code: FixelfErrorCode): boolean {
  return code === "unsupported" || code === "limit-exceeded";
}

/** Whether fix could write to a script: either it can, whatever the first line is to be, or it never can. */
export async function canChangeScript(
  { host, path, shebang }: Subject,
  { store }: StorePlace,
): Promise<boolean> {
  if (shebang === null || inStore(path, store)) return false;
  return fits(() => native.layOutFirstLine(host, shebang.text, shebang.text));
}

/** Whether fix could write to a program or library, given what it would have to write. */
export async function canChange(
  { host, path }: Subject,
  facts: Facts,
  problems: readonly Problem[],
  store: StoreAnswers,
): Promise<boolean> {
  if (inStore(path, store.place.store)) return false;
  const edits = await likelyEdits(facts, problems, store);
  return edits === null || fits(() => native.layOut(host, edits, facts));
}

async function fits(layOut: () => Promise<unknown>): Promise<boolean> {
  try {
    await layOut();
    return true;
  } catch (caught) {
    if (isOfTheMoment(caught)) throw caught;
    return !isOfItsBytes(fromNative(caught).code);
  }
}

/** What the store has to solve the problems, in about as many bytes as the choice will take; null for nothing. */
async function likelyEdits(
  facts: Facts,
  problems: readonly Problem[],
  store: StoreAnswers,
): Promise<Edits | null> {
  const needs = problems.flatMap(({ need }) => need ?? []);
  if (needs.length === 0) return null;
  const edits: Edits = {};
  if (isStartedByLoader(facts) && needs.some(({ kind }) => kind !== "library")) {
    const loader = (await store.loaders()).find(
      (each) => sameMachine(each, facts) && each.libc === libcOf(facts),
    );
    if (loader !== undefined) edits.interpreter = loader.path;
  }
  const { tag, entries } = currentSearchPath(facts);
  const directories = new Set(entries);
  for (const need of needs) {
    if (need.kind !== "library") continue;
    const { soname } = need.library;
    const wanted = { ...facts, versions: versionsNeededOf(facts, soname) };
    const [best] = (await store.providers([soname], wanted)).get(soname)?.providers ?? [];
    if (best !== undefined) directories.add(dirname(best.path));
  }
  if (directories.size > 0) edits.searchPath = { value: [...directories].join(":"), tag };
  return Object.keys(edits).length === 0 ? null : edits;
}
