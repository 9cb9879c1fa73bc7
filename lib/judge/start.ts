// How a file would be started: by the loader that it names, or by one that a stand-in in its place starts; and which
// files that loader would open.
import type { Facts, Resolution } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import { type AtInterpreter, interpreterAt, isStandIn } from "../file/interpreter.js";
import { nixSystem } from "../file/nix_system.js";
import { type Environment, type Started, startedBy } from "../file/stand_in.js";
import { rightsOf } from "./rights.js";

export interface Start {
  /**
   * What is at the path where the program names its loader, or where a library's loader is assumed to be; null if
   * neither is known.
   */
  at: AtInterpreter | null;
  /** What a stand-in at that path starts; null if there is no stand-in, or it finds nothing to start. */
  started: Started | null;
  /** The program runs with other rights than the user who starts it (AT_SECURE), as set-user-ID programs do. */
  secure: boolean;
  resolution: Resolution;
}

export interface StartOptions {
  /** The loader to assume for a library, which names none. */
  assumed?: string | null;
  /** The program that opens a library, if known: what that has loaded need not be found by the library. */
  opener?: string | null;
  /** The environment variables that it is started with. */
  environment: Environment;
  /** Where this machine opens the file, which may give rights to the user who starts it. */
  host: string;
}

/** Everything except the resolution, for callers that resolve many files at once. */
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

/** @throws FixelfError if the file cannot be resolved at all */
export async function startOf(
  path: string,
  facts: Facts,
  files: NativeFiles,
  options: StartOptions,
): Promise<Start> {
  const entry = entryOf(facts, files, options);
  const { assumed = null, opener = null, environment } = options;
  const loader = facts.type === "shared-library" ? (entry.started?.loader ?? assumed) : null;
  const { LD_LIBRARY_PATH = "", LD_PRELOAD = "" } = environment;
  const resolution = await resolveWith(files, path, {
    ...(loader !== null && { interpreter: loader }),
    ...(opener !== null && { opener }),
    ...(entry.started !== null && { nixLd: entry.started }),
    ...(LD_PRELOAD !== "" && { preload: LD_PRELOAD }),
    libraryPath: LD_LIBRARY_PATH,
    secure: entry.secure,
    symbols: true,
    bindNow: environment.LD_BIND_NOW !== undefined && environment.LD_BIND_NOW !== "",
  });
  return { ...entry, resolution };
}
