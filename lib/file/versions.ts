// The order of versions: of packages, of glibc, of symbols.
import type { Facts } from "../addon/facts.js";

/** Negative if the first is older. Numbers compare as numbers; letters mean a pre-release. */
export function compareVersions(first: string | null, second: string | null): number {
  if (first === null || second === null) return Number(first !== null) - Number(second !== null);
  const one = partsOf(first);
  const two = partsOf(second);
  for (let at = 0; at < Math.max(one.length, two.length); at++) {
    const difference = compareParts(one[at], two[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): string[] {
  return version.match(/\d+|[a-zA-Z]+/g) ?? [];
}

function compareParts(one: string | undefined, two: string | undefined): number {
  const first = weightOf(one);
  const second = weightOf(two);
  if (first !== second) return first - second;
  if (one === undefined || two === undefined || one === two) return 0;
  if (first === 2) {
    // Commit dates and similar numbers exceed 2^53.
    const difference = BigInt(one) - BigInt(two);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  return one < two ? -1 : 1;
}

/** "2.40rc1" < "2.40" < "2.40.1". */
function weightOf(part: string | undefined): number {
  if (part === undefined) return 1;
  return /^\d/.test(part) ? 2 : 0;
}

/** The versions of a library that a file needs; weak ones may be missing. */
export function versionsNeededOf(
  { versionsNeeded }: Pick<Facts, "versionsNeeded">,
  soname: string,
): string[] {
  return versionsNeeded
    .filter(({ library }) => library === soname)
    .flatMap(({ versions }) => versions.flatMap(({ name, weak }) => (weak ? [] : [name])));
}

/** Whether a symbol version is one that a release of glibc added; GLIBC_PRIVATE is not. */
export function isGlibcVersion(name: string): boolean {
  return /^GLIBC_[\d.]+$/.test(name);
}
