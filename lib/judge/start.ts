// How a file would be started: by the loader that it names, or by the one that a stand-in at that
// place starts, and which files that loader would open.
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import { type AtInterpreter, interpreterAt, isStandIn } from "../file/interpreter.js";
import { nixSystem } from "../file/nix_system.js";
import { type Environment, type Started, startedBy } from "../file/stand_in.js";
import { rightsOf } from "./rights.js";

export interface Start {
  /** What is where the program names its loader, or where a library's is assumed; null where neither is known. */
  at: AtInterpreter | null;
  /** What a stand-in there starts; null where it finds nothing to start, and without one. */
  started: Started | null;
  /** The program runs with other rights than the user that starts it (AT_SECURE), as set-user-ID programs do. */
  secure: boolean;
  resolution: Resolution;
}

export interface StartOptions {
  /** The loader to assume for a library, which names none. */
  assumed?: string | null;
  /** The variables that it is started with. */
  environment: Environment;
  /** Where this machine opens the file, which may give rights to the user that starts it. */
  host: string;
}

/** All of it but the resolution, for those that resolve many files at once. */
export type Entry = Omit<Start, "resolution">;

export function entryOf(
  facts: Facts,
  files: NativeFiles,
  { assumed = null, environment, host }: StartOptions,
): Entry {
  const isLibrary = facts.type === "shared-library";
  const named = isLibrary ? assumed : facts.interpreter;
  const at = named === null ? null : interpreterAt(named, files);
  const started =
    at !== null && isStandIn(at.kind) ? startedBy(at, nixSystem(facts), environment, files) : null;
  return { at, started, secure: !isLibrary && named !== null && rightsOf(host, files) !== null };
}

/** @throws FixelfError where the file cannot be resolved at all */
export async function startOf(
  path: string,
  facts: Facts,
  files: NativeFiles,
  options: StartOptions,
): Promise<Start> {
  const entry = entryOf(facts, files, options);
  const { assumed = null, environment } = options;
  const opener = facts.type === "shared-library" ? (entry.started?.loader ?? assumed) : null;
  const { LD_LIBRARY_PATH = "", LD_PRELOAD = "" } = environment;
  const resolution = await resolveWith(files, path, {
    ...(opener !== null && { interpreter: opener }),
    ...(entry.started !== null && { nixLd: entry.started }),
    ...(LD_PRELOAD !== "" && { preload: LD_PRELOAD }),
    libraryPath: LD_LIBRARY_PATH,
    secure: entry.secure,
    symbols: true,
    bindNow: environment.LD_BIND_NOW !== undefined && environment.LD_BIND_NOW !== "",
  });
  return { ...entry, resolution };
}
