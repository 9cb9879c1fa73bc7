// Which store path provides a library, and why the others do not.
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
  /** null for a directory that the user named outside the store. */
  storePath: string | null;
  /** What RUNPATH would have to name. */
  directory: string;
  /** What speaks for it, the most important first. */
  reasons: string[];
  /** What it says of itself. */
  facts: Facts;
}

/** A file of the name that cannot be the library. */
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
  /** Files of the name that cannot be it. */
  rejected: Rejected[];
}

/** What a library must be for the program that needs it. */
export interface Wanted
  extends Pick<Facts, "machine" | "class" | "byteOrder">,
    Partial<Pick<Facts, "interpreter" | "needed">> {
  /** Symbol versions that it must define: of every soname, or by soname. */
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

/** For a program of another libc a library is as good as not there: that one's own build has to be got. */
function isOfOtherLibc(facts: Facts, wanted: Wanted | undefined): boolean {
  return wanted?.needed !== undefined && libcOf(facts) !== libcOf(wanted);
}

/** Why a file cannot be the library that is wanted; null when it can. */
export function whyNot(facts: Facts, soname: string, wanted: Wanted | undefined): string | null {
  // libc.so.6 and loaders can be run, and are counted as programs by some of their headers.
  if (!isOpenedByLoaders(facts) || facts.type === "executable")
    return `is no shared library (${facts.type})`;
  if (wanted === undefined) return null;
  if (facts.machine !== wanted.machine)
    return `wrong machine: ${facts.machine} instead of ${wanted.machine}`;
  if (facts.class !== wanted.class) return `wrong class: ${facts.class} instead of ${wanted.class}`;
  if (facts.byteOrder !== wanted.byteOrder)
    return `wrong byte order: ${facts.byteOrder} instead of ${wanted.byteOrder}`;
  // From a library without any versions, the loader takes the plain symbol.
  if (facts.versionsDefined.length === 0) return null;
  const missing = versionsOf(wanted, soname).filter(
    (version) => !facts.versionsDefined.includes(version),
  );
  return missing.length === 0 ? null : `does not define ${missing.join(", ")}`;
}

function versionsOf({ versions = [] }: Wanted, soname: string): readonly string[] {
  return "get" in versions ? (versions.get(soname) ?? []) : versions;
}
