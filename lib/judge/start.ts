// How a file would be started: by the loader that it names, or by the one that a stand-in at that
// place starts, and which files that loader would open.
import { statSync } from "node:fs";
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import { type AtInterpreter, interpreterAt, isStandIn } from "../file/interpreter.js";
import { nixSystem } from "../file/nix_system.js";
import { type Environment, type Started, startedBy } from "../file/stand_in.js";

export interface Start {
  /** What is where the program names its loader; null for what names none. */
  at: AtInterpreter | null;
  /** What a stand-in there starts; null where it finds nothing to start, and without one. */
  started: Started | null;
  /** The program runs with other rights than its caller (AT_SECURE), as set-user-ID programs do. */
  secure: boolean;
  resolution: Resolution;
}

export interface StartOptions {
  /** The loader to assume for a library, which names none. */
  assumed?: string | null;
  /** The variables that it is started with. */
  environment: Environment;
  /** Where this machine opens the file, whose mode says whether it runs with other rights. */
  host: string;
}

/** @throws FixelfError where the file cannot be resolved at all */
export async function startOf(
  path: string,
  facts: Facts,
  files: NativeFiles,
  { assumed = null, environment, host }: StartOptions,
): Promise<Start> {
  const named = facts.type === "shared-library" ? null : facts.interpreter;
  const at = named === null ? null : interpreterAt(named, files);
  const started =
    at !== null && isStandIn(at.kind) ? startedBy(at, nixSystem(facts), environment, files) : null;
  const secure = named !== null && runsWithOtherRights(host);
  const { LD_LIBRARY_PATH = "", LD_PRELOAD = "" } = environment;
  const resolution = await resolveWith(files, path, {
    ...(named === null && assumed !== null && { interpreter: assumed }),
    ...(started !== null && { nixLd: started }),
    ...(LD_PRELOAD !== "" && { preload: LD_PRELOAD }),
    libraryPath: LD_LIBRARY_PATH,
    secure,
  });
  return { at, started, secure, resolution };
}

/** execve(2): set-user-ID always counts, set-group-ID where the group may execute (fs/exec.c, bprm_fill_uid). */
export function runsWithOtherRights(host: string): boolean {
  const mode = statSync(host, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & 0o4000) !== 0 || (mode & 0o2010) === 0o2010;
}
