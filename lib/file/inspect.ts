// The first two stages of the pipeline: what a file says about itself, and which files the loader would open for it.
import { dirname } from "node:path";
import { underSignal } from "../addon/cancellation.js";
import type { Facts, Resolution } from "../addon/facts.js";
import {
  fromNative,
  type NativeFiles,
  type ResolveOptions as NativeResolveOptions,
  native,
} from "../addon/native.js";
import { resolveAllWith, resolveWith } from "../addon/resolutions.js";
import { checkMade, checkOptions, checkPath, checkPaths, type Kinds } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { type CommonOptions, commonKinds } from "../base/options.js";
import { insideRoot } from "./rooted.js";

/** What to assume about the process that loads the libraries. */
export interface ResolveOptions extends CommonOptions {
  /** Assume this interpreter instead of the file's own; libraries have none. */
  interpreter?: string;
  /** The LD_PRELOAD to assume. Default: none. */
  preload?: string;
  /** The best glibc-hwcaps directory to assume ("x86-64-v3", "baseline"). Default: this machine's. */
  processor?: string;
  /** Whether to assume that the program runs as another user than its caller (AT_SECURE). Default: false. */
  secure?: boolean;
  /**
   * What nix-ld, or a stand-in like it, would start: the `loader` (NIX_LD) and its `libraryPath`
   * (NIX_LD_LIBRARY_PATH).
   */
  nixLd?: { loader: string; libraryPath: string };
}

const resolveKinds: Kinds<ResolveOptions> = {
  ...commonKinds,
  interpreter: "path",
  preload: "string",
  processor: "string",
  secure: "boolean",
  nixLd: "object",
};

/** @throws FixelfError `usage` */
export function checkResolveOptions(call: string, options: ResolveOptions): void {
  checkOptions(call, options, resolveKinds);
  if (options.nixLd === undefined) return;
  checkMade(call, "nixLd", "nix-ld's environment", options.nixLd, {
    loader: "string",
    libraryPath: "string",
  });
}

/**
 * Reads what an ELF file says about itself.
 * @throws FixelfError `not-found`, `permission-denied`, `not-a-regular-file`, `not-elf`, `truncated`, `malformed`,
 *   `limit-exceeded` (more of something than a file of this size can mean), `too-many-open-files` or `io`
 */
export async function inspect(path: string, options: CommonOptions = {}): Promise<Facts> {
  checkPath("inspect", path);
  checkOptions("inspect", options, commonKinds);
  return underSignal(options.signal, async () => {
    const { host } = insideRoot(path, options);
    try {
      return { ...(await native.inspect(host)), path };
    } catch (failure) {
      const error = fromNative(failure);
      if (error.laidOut) throw error;
      throw new FixelfError(error.code, error.message, { path, cause: failure });
    }
  });
}

/**
 * Follows the loader's own search, without running anything. A library that would not be found is not an error.
 * @throws FixelfError as `inspect`
 */
export async function resolve(path: string, options: ResolveOptions = {}): Promise<Resolution> {
  checkPath("resolve", path);
  checkResolveOptions("resolve", options);
  return underSignal(options.signal, async () => (await resolved(path, options)).resolution);
}

/**
 * Resolves many files, several at a time, and reads what they share only once: this takes a fraction of the time of
 * separate `resolve` calls. Results are in the order of the paths; a rejection has a FixelfError as from `resolve`.
 * @throws FixelfError `too-many-open-files` if it concerns all of them
 */
export async function resolveAll(
  paths: readonly string[],
  options: ResolveOptions = {},
): Promise<PromiseSettledResult<Resolution>[]> {
  checkPaths("resolveAll", paths);
  checkResolveOptions("resolveAll", options);
  return underSignal(options.signal, async () => {
    const { files, places } = filesFor(paths, options);
    return resolveAllWith(files, places, assumptions(options));
  });
}

/**
 * The same, with the file access through which it was found.
 * @param opener the program that opens it, if it is a module
 */
export async function resolved(
  path: string,
  options: ResolveOptions,
  opener: string | null = null,
): Promise<{ resolution: Resolution; files: NativeFiles }> {
  const { files, places } = filesFor([path], options);
  const [place] = places as [string];
  const asked = { ...assumptions(options), ...(opener !== null && { opener }), symbols: true };
  return { resolution: await resolveWith(files, place, asked), files };
}

function filesFor(
  paths: readonly string[],
  options: ResolveOptions,
): { files: NativeFiles; places: string[] } {
  const files = new native.Files(options.root ?? "");
  const places = paths.map((path) => {
    const place = insideRoot(path, options);
    if (place.outside) files.passThrough(dirname(place.path));
    return place.path;
  });
  return { files, places };
}

function assumptions(options: ResolveOptions): NativeResolveOptions {
  const { interpreter, libraryPath, preload, processor, secure, nixLd } = options;
  return {
    ...(interpreter !== undefined && { interpreter }),
    ...(libraryPath !== undefined && { libraryPath }),
    ...(preload !== undefined && { preload }),
    ...(processor !== undefined && { processor }),
    ...(secure !== undefined && { secure }),
    ...(nixLd !== undefined && { nixLd }),
  };
}
