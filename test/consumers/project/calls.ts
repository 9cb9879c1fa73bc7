// Uses of the API that have to compile for each consumer, or not to.

import * as fixelf from "fixelf";
import {
  type Diagnosis,
  diagnose,
  edit,
  type Facts,
  FixelfError,
  type FixelfErrorCode,
  type FixPlan,
  get,
  inspect,
  type Outcome,
  plan,
  planGet,
  planRun,
  references,
  resolve,
  type ScanRow,
  scan,
  storePlace,
  undo,
  type WatchOutcome,
  watch,
} from "fixelf";

const { signal } = new AbortController();

export async function examine(path: string): Promise<string[]> {
  const facts: Facts = await inspect(path, { signal });
  const needed: readonly string[] = facts.needed;
  const { libraries } = await resolve(path, { root: "/" });
  const diagnoses: Diagnosis[] = await diagnose([path], { signal });
  return [
    ...needed,
    ...libraries.map(({ soname }) => soname),
    ...diagnoses.map(({ path }) => path),
  ];
}

export async function mend(paths: string[]): Promise<FixelfErrorCode | undefined> {
  try {
    const planned: FixPlan = await plan(paths, { store: "/nix/store" });
    const outcomes: Outcome[] = await fixelf.apply(planned);
    for (const { path, outcome } of outcomes) console.log(path, outcome);
    await undo(paths);
    await edit(paths[0] ?? "", { interpreter: "/lib/ld.so" });
    await get(await planGet([], storePlace()), storePlace());
    await planRun(paths[0] ?? "", []);
  } catch (error) {
    if (FixelfError.is(error)) return error.code;
    throw error;
  }
  return undefined;
}

export async function rows(directory: string): Promise<ScanRow[]> {
  const all: ScanRow[] = [];
  for await (const batch of scan([directory], { signal })) all.push(...batch);
  return all;
}

export async function outcomes(directory: string): Promise<WatchOutcome[]> {
  const all: WatchOutcome[] = [];
  for await (const outcome of watch([directory], { signal, dryRun: true })) all.push(outcome);
  return all;
}

// @ts-expect-error: a string is no list of paths
export const aString = references("/bin/ls");
// @ts-expect-error: there is no such option
export const another = plan([], { rot: "/" });
