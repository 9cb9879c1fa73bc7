// What can be asked of auto-patchelf, by the names of its options.
import type { PatchelfChanges } from "../../addon/requests.js";
import { checkOptions } from "../../base/arguments.js";
import { checkChanges } from "../patchelf.js";

/** The same options as auto-patchelf's: docs/auto-patchelf.md. */
export interface AutoPatchelfOptions {
  /**
   * The binutils wrapper whose `nix-support/dynamic-linker` and `nix-support/orig-libc` determine which loader and libc
   * to patch for. Default: the one that the environment variable `NIX_BINTOOLS` names.
   */
  bintools?: string;
  /** Where to look for libraries: files, and directories without their subdirectories. */
  libs?: readonly string[];
  /** Directories that come first in the search path of every program, and of libraries that open others. */
  runtimeDependencies?: readonly string[];
  /** Directories that come last in every search path. */
  appendRpaths?: readonly string[];
  /** Globs (fnmatch) for libraries that may stay missing. */
  ignoreMissing?: readonly string[];
  /** Whether the paths are searched below their first level. Default true. */
  recursive?: boolean;
  /** Whether libc's libraries go into the search path too. */
  keepLibc?: boolean;
  /** Whether files in the paths may serve as libraries. Default true. */
  addExisting?: boolean;
  /** Whether $ORIGIN entries are kept even without `addExisting`. */
  preserveOrigin?: boolean;
  /** Whether directories below the path that a file was found under are expressed relative to $ORIGIN. */
  relativizeRpath?: boolean;
  /** Further changes to every file that is changed; what they set takes precedence. */
  extra?: PatchelfChanges;
  /** Ends the call: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal;
}

/** All options, with the paths: without "." and doubled or trailing slashes. */
export interface Asked extends Required<Omit<AutoPatchelfOptions, "bintools" | "signal">> {
  paths: readonly string[];
}

/** @throws FixelfError `usage` */
export function checkAutoPatchelfOptions(call: string, options: AutoPatchelfOptions): void {
  checkOptions<AutoPatchelfOptions>(call, options, {
    bintools: "string",
    libs: "list of strings",
    runtimeDependencies: "list of strings",
    appendRpaths: "list of strings",
    ignoreMissing: "list of strings",
    recursive: "boolean",
    keepLibc: "boolean",
    addExisting: "boolean",
    preserveOrigin: "boolean",
    relativizeRpath: "boolean",
    extra: "object",
    signal: "AbortSignal",
  });
  if (options.extra !== undefined) checkChanges(`${call}'s extra`, options.extra);
}

export function asked(paths: readonly string[], options: AutoPatchelfOptions): Asked {
  return {
    paths: asPaths(paths),
    libs: asPaths(options.libs ?? []),
    runtimeDependencies: asEntries(options.runtimeDependencies ?? []),
    appendRpaths: asEntries(options.appendRpaths ?? []),
    ignoreMissing: options.ignoreMissing ?? [],
    recursive: options.recursive ?? true,
    keepLibc: options.keepLibc ?? false,
    addExisting: options.addExisting ?? true,
    preserveOrigin: options.preserveOrigin ?? false,
    relativizeRpath: options.relativizeRpath ?? false,
    extra: options.extra ?? {},
  };
}

/** Each text may hold several, as lib.makeLibraryPath writes them: all are joined by colons in the end. */
export function asEntries(texts: readonly string[]): string[] {
  return asPaths(texts.flatMap((text) => text.split(":")));
}

/** As Python's Path writes each, without empty ones: an entry must not occur twice in a search path. */
export function asPaths(texts: readonly string[]): string[] {
  return texts.filter((text) => text !== "").map(asPath);
}

function asPath(text: string): string {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  return (text.startsWith("/") ? "/" : "") + parts.join("/") || ".";
}
