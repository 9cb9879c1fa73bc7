// Which of several suitable files is used. The order (docs/architecture.md, Choosing): what the user named, the running
// system's closure, what a GC root keeps, the newest; and every choice carries its reason.
import { compareVersions } from "../file/versions.js";
import type { Knowledge } from "./closure.js";
import { nameOf } from "./place.js";

export interface Candidate {
  path: string;
  /** null outside the store. */
  storePath: string | null;
  /** The user named it, or its directory. */
  named: boolean;
  /** More reliable than the store path's name, if available. */
  version?: string | null;
  /** It lacks files that belong with it: a copy that some package trimmed for its own use. */
  partial?: boolean;
}

export type Ranked<T extends Candidate> = T & {
  version: string | null;
  /** null when not known. */
  current: boolean | null;
  /** null when not known. */
  rooted: boolean | null;
  bootstrap: boolean;
  reasons: string[];
};

/** Splits "glibc-2.40-66" into "glibc" and "2.40-66"; output names ("-dev") are dropped. */
export function parseName(name: string): { packageName: string; version: string | null } {
  const bare = name.replace(/-(bin|debug|dev|doc|lib|man|out|static)$/, "");
  const match = /^(.*?)-([0-9].*)$/.exec(bare);
  return match
    ? { packageName: match[1] as string, version: match[2] as string }
    : { packageName: bare, version: null };
}

/** Whether a store path is a bootstrap or initrd stage, which is not kept for any program's use. */
function isBootstrap(storePath: string | null): boolean {
  return storePath !== null && /bootstrap|extra-utils|initrd|stage-1/.test(nameOf(storePath));
}

/**
 * Sorts candidates, the best first. `isMadeFor` tells, by its name, a package whose purpose this is from one that
 * merely bundles a copy.
 */
export function rank<T extends Candidate>(
  candidates: readonly T[],
  knowledge: Knowledge,
  isMadeFor: (packageName: string) => boolean = () => false,
): Ranked<T>[] {
  const scored = candidates.map((candidate) => score(candidate, knowledge, isMadeFor));
  scored.sort((one, two) => compareScores(one, two) || comparePaths(one.ranked, two.ranked));
  scored.forEach((one) => {
    one.ranked.reasons.push(...reasonsOf(one, scored));
  });
  return scored.map(({ ranked }) => ranked);
}

interface Scored<T extends Candidate> {
  ranked: Ranked<T>;
  packageName: string;
  /** In a directory below lib: for that package's own use, not everyone's. */
  isPrivate: boolean;
  /** The package is named after the library. */
  isNamesake: boolean;
}

function score<T extends Candidate>(
  candidate: T,
  { closure, rooted }: Knowledge,
  isMadeFor: (packageName: string) => boolean,
): Scored<T> {
  const { storePath } = candidate;
  const { packageName, version } = parseName(storePath === null ? "" : nameOf(storePath));
  return {
    ranked: {
      ...candidate,
      version: candidate.version ?? version,
      current: storePath === null ? false : (closure?.has(storePath) ?? null),
      rooted: storePath === null ? false : (rooted?.has(storePath) ?? null),
      bootstrap: isBootstrap(storePath),
      reasons: [],
    },
    packageName,
    isPrivate:
      storePath !== null && !/^\/lib(32|64)?\/[^/]+$/.test(candidate.path.slice(storePath.length)),
    isNamesake: isMadeFor(packageName),
  };
}

function compareScores<T extends Candidate>(one: Scored<T>, two: Scored<T>): number {
  return (
    Number(two.ranked.named) - Number(one.ranked.named) ||
    Number(one.ranked.bootstrap) - Number(two.ranked.bootstrap) ||
    Number(one.ranked.partial ?? false) - Number(two.ranked.partial ?? false) ||
    Number(two.ranked.current ?? false) - Number(one.ranked.current ?? false) ||
    Number(two.ranked.rooted ?? false) - Number(one.ranked.rooted ?? false) ||
    Number(one.isPrivate) - Number(two.isPrivate) ||
    Number(two.isNamesake) - Number(one.isNamesake) ||
    // Versions of different packages cannot be compared: firefox 120's zlib is not newer than zlib 1.3.
    (one.packageName < two.packageName ? -1 : one.packageName > two.packageName ? 1 : 0) ||
    compareVersions(two.ranked.version, one.ranked.version)
  );
}

/** Equally good as far as is known: only alphabetical order tells them apart. */
function isTie<T extends Candidate>(one: Scored<T>, two: Scored<T>): boolean {
  if (one.packageName === two.packageName) return compareScores(one, two) === 0;
  return sameTier(one, two);
}

function sameTier<T extends Candidate>(one: Scored<T>, two: Scored<T>): boolean {
  return (
    one.ranked.named === two.ranked.named &&
    one.ranked.bootstrap === two.ranked.bootstrap &&
    (one.ranked.partial ?? false) === (two.ranked.partial ?? false) &&
    one.ranked.current === two.ranked.current &&
    one.ranked.rooted === two.ranked.rooted &&
    one.isPrivate === two.isPrivate &&
    one.isNamesake === two.isNamesake
  );
}

function reasonsOf<T extends Candidate>(one: Scored<T>, all: readonly Scored<T>[]): string[] {
  const { named, current, rooted, bootstrap, version } = one.ranked;
  const reasons: string[] = [];
  if (named) reasons.push("named by the user");
  if (current) reasons.push("in the current system's closure");
  if (rooted) reasons.push("kept by a GC root");
  if (bootstrap) reasons.push("bootstrap copy: taken only when nothing else is there");
  if (one.ranked.partial) reasons.push("not all of its libraries are beside it");
  if (one.isPrivate) reasons.push("in a directory below lib, meant for its own package");
  if (all.length === 1) reasons.push("the only one");

  const sisters = all.filter(
    ({ packageName, ranked }) => packageName === one.packageName && ranked.bootstrap === bootstrap,
  );
  const isNewest = sisters.every(({ ranked }) => compareVersions(ranked.version, version) <= 0);
  const hasOlder = sisters.some(({ ranked }) => compareVersions(ranked.version, version) < 0);
  if (version !== null && isNewest && hasOlder)
    reasons.push(`newest of ${sisters.length} (${version})`);

  const ties = all.filter((other) => other !== one && isTie(one, other));
  const [tie] = ties;
  if (tie !== undefined) {
    const place = all.indexOf(one) < all.indexOf(tie) ? "; it comes first by name" : "";
    const more = ties.length > 1 ? ` and ${ties.length - 1} more` : "";
    reasons.push(`as good as ${tie.ranked.path}${more}${place}`);
  }
  return reasons;
}

function comparePaths(one: Candidate, two: Candidate): number {
  return one.path < two.path ? -1 : one.path > two.path ? 1 : 0;
}

/** "libxcrypt" for libcrypt.so.1, "zlib" for libz.so.1, "gcc" for libstdc++.so.6. */
export function isNamesake(packageName: string, soname: string): boolean {
  const stem = /^(?:lib)?(.*?)[-0-9.]*\.so/.exec(soname)?.[1]?.toLowerCase();
  const bare = packageName.toLowerCase().replace(/^lib|lib$/g, "");
  if (!stem || !bare) return false;
  if (packageName === "gcc") return /^(stdc\+\+|gcc_s|gomp|atomic|quadmath|gfortran)$/.test(stem);
  return stem.length < 3 ? stem === bare : bare.includes(stem) || stem.includes(bare);
}
