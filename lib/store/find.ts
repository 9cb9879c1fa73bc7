// Which store path provides a library, and why the others don't.
import { dirname } from "node:path";
import type { Facts } from "../addon/facts.js";
import { isOpenedByLoaders } from "../file/kind.js";
import { libcOf } from "../file/libc.js";
import { inspectCandidates, namedPaths, type StoreContext } from "./candidates.js";
import { isNamesake, rank } from "./rank.js";

/** A file that provides a library. */
export interface Provider {
  /** As seen from the root. */
  path: string;
  /** null for a file in a directory outside the store that the user named. */
  storePath: string | null;
  /** What RUNPATH would have to name. */
  directory: string;
  /** What speaks for it, most important first. */
  reasons: string[];
  /** Its own facts. */
  facts: Facts;
}

/** A file with the right name that cannot be the library. */
export interface Rejected {
  /** As seen from the root. */
  path: string;
  /** Why not, in a few words. */
  why: string;
}

/** What a store has for one soname. */
export interface Providers {
  /** The best first. */
  providers: Provider[];
  /** Files with the right name that cannot be the library. */
  rejected: Rejected[];
}

/** What a library must be for the program that needs it. */
export interface Wanted
  extends Pick<Facts, "machine" | "class" | "byteOrder">,
    Partial<Pick<Facts, "interpreter" | "needed">> {
  /** Symbol versions that it must define: the same for every soname, or by soname. */
  versions?: readonly string[] | ReadonlyMap<string, readonly string[]>;
}

/** Finds libraries by soname, in the user's directories and in the store. */
export async function findProviders(
  context: StoreContext,
  sonames: Iterable<string>,
  wanted?: Wanted,
): Promise<Map<string, Providers>> {
  const found = new Map<string, Providers>();
  for (const soname of new Set(sonames)) {
    found.set(soname, await providersOf(context, soname, wanted));
  }
  return found;
}

async function providersOf(
  context: StoreContext,
  soname: string,
  wanted: Wanted | undefined,
): Promise<Providers> {
  const paths = (await context.libraries()).paths(soname);
  const candidates = await inspectCandidates(context, paths, namedPaths(context, soname));
  const rejected: Rejected[] = [];
  const fitting = candidates.filter(({ path, facts }) => {
    if (isOfOtherLibc(facts, wanted)) return false;
    const why = whyNot(facts, soname, wanted);
    if (why !== null) rejected.push({ path, why });
    return why === null;
  });
  if (fitting.length === 0) return { providers: [], rejected };
  const providers = rank(fitting, await context.knowledge(), (name) =>
    isNamesake(name, soname),
  ).map(({ path, storePath, reasons, facts }) => ({
    path,
    storePath,
    directory: dirname(path),
    reasons,
    facts,
  }));
  return { providers, rejected };
}

/**
 * For a program that uses another libc, the library might as well not exist: a build for that libc has to be fetched.
 */
function isOfOtherLibc(facts: Facts, wanted: Wanted | undefined): boolean {
  return wanted?.needed !== undefined && libcOf(facts) !== libcOf(wanted);
}

/** Why a file cannot be the wanted library; null if it can. */
export function whyNot(facts: Facts, soname: string, wanted: Wanted | undefined): string | null {
  // libc.so.6 and loaders can be run, and some of their headers make them look like programs.
  if (!isOpenedByLoaders(facts) || facts.type === "executable")
    return `is no shared library (${facts.type})`;
  if (wanted === undefined) return null;
  if (facts.machine !== wanted.machine)
    return `wrong machine: ${facts.machine} instead of ${wanted.machine}`;
  if (facts.class !== wanted.class) return `wrong class: ${facts.class} instead of ${wanted.class}`;
  if (facts.byteOrder !== wanted.byteOrder)
    return `wrong byte order: ${facts.byteOrder} instead of ${wanted.byteOrder}`;
  // The loader takes the plain symbol from a library without any versions.
  if (facts.versionsDefined.length === 0) return null;
  const missing = versionsOf(wanted, soname).filter(
    (version) => !facts.versionsDefined.includes(version),
  );
  return missing.length === 0 ? null : `does not define ${missing.join(", ")}`;
}

function versionsOf({ versions = [] }: Wanted, soname: string): readonly string[] {
  return "get" in versions ? (versions.get(soname) ?? []) : versions;
}
